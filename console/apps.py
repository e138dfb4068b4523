from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """The pages."""

    name = "console"
    default_auto_field = "django.db.models.BigAutoField"
