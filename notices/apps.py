from django.apps import AppConfig


class NoticesConfig(AppConfig):
    """Notifications."""

    name = "notices"
    default_auto_field = "django.db.models.BigAutoField"
