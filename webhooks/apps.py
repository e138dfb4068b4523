from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Webhooks."""

    name = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"
