from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class ConfigConfig(AppConfig):
    """The doors' own app: management commands and system checks."""

    name = "config"
    default = True


class CustodyAdminConfig(admin_apps.AdminConfig):
    """The admin of Custody is one site for everybody who may sign in, not only for staff."""

    default_site = "config.admin_site.CustodyAdminSite"
    default = False
