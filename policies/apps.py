from django.apps import AppConfig


class PoliciesConfig(AppConfig):
    """The app of policies and their rule language."""

    name = "policies"
    default_auto_field = "django.db.models.BigAutoField"
