from django.apps import AppConfig


class TracesConfig(AppConfig):
    """Traces of generative applications, and their assessments by people and scorers."""

    name = "traces"
    default_auto_field = "django.db.models.BigAutoField"
