from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class ConfigConfig(AppConfig):
    """The app of the project itself: management commands."""

    name = "config"
    default = True


class CustodyAdminConfig(admin_apps.AdminConfig):
    """The admin app with Custody's own site, which is for everybody who may sign in, not only for staff."""

    default_site = "config.admin_site.CustodyAdminSite"
    default = False
