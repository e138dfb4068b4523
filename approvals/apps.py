from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    """Django app of the approval gate: requests, reviews, checks, cards and findings."""

    name = "approvals"
    default_auto_field = "django.db.models.BigAutoField"
