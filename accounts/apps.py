from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Django app of people, service accounts, sessions and tokens."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the signals of sign-ins and of changed accounts."""
        import_module("accounts.signin")
        import_module("accounts.changes")
