"""The second factor of a local account: an authenticator app, and codes for the day when it is lost."""

from __future__ import annotations

from django.db import models

from accounts.models.people import User


class AuthenticatorApp(models.Model):
    """An app of a person that shows codes which change every 30 seconds (TOTP, RFC 6238).

    ``sealed_secret`` is encrypted. ``last_step`` is the number of the time step of the last code that was accepted:
    each code is accepted once. ``removed_at`` is set once; the secret is then deleted.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="authenticator_apps")
    sealed_secret = models.CharField(max_length=300)
    last_step = models.BigIntegerField()
    added_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(removed_at__isnull=True), name="accounts_authenticator_one"
            ),
        ]

    def __str__(self) -> str:
        return f"authenticator app of {self.user_id}"


class RecoveryCode(models.Model):
    """A code that signs a person in once, in place of a code of the app. Only its SHA-256 is stored (`digest`)."""

    app = models.ForeignKey(AuthenticatorApp, on_delete=models.PROTECT, related_name="recovery_codes")
    digest = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"recovery code of {self.app_id}"
