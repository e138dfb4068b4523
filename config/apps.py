from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin import apps as admin_apps
from django.contrib.admin import checks as admin_checks
from django.core import checks


class ConfigConfig(AppConfig):
    """The app of the project itself: management commands."""

    name = "config"
    default = True


class CustodyAdminConfig(admin_apps.SimpleAdminConfig):
    """The admin app with Custody's own site, which is for everybody who may sign in, not only for staff.

    Only config/urls.py and the system checks load the pages: workers and commands start in half the time without.
    """

    default_site = "config.admin_site.CustodyAdminSite"
    default = False

    def ready(self) -> None:
        """Register Django's checks of the admin."""
        checks.register(admin_checks.check_dependencies, checks.Tags.admin)
        checks.register(_check_pages, checks.Tags.admin)


def _check_pages(app_configs: Sequence[AppConfig] | None, **options: Any) -> Sequence[checks.CheckMessage]:
    admin.autodiscover()
    return admin_checks.check_admin_app(app_configs, **options)
