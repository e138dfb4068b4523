from django.apps import AppConfig


class TracesConfig(AppConfig):
    """Traces of generative applications, and what people and scorers say of them."""

    name = "traces"
    default_auto_field = "django.db.models.BigAutoField"
