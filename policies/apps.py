from django.apps import AppConfig


class PoliciesConfig(AppConfig):
    """Django app of policies and their rule language."""

    name = "policies"
    default_auto_field = "django.db.models.BigAutoField"
