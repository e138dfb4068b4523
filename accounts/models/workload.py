"""Trusted publishers: jobs of CI and clusters that get tokens of a service account, and the tokens that they got."""

from __future__ import annotations

from django.db import models

from accounts.models.credentials import ApiToken
from accounts.models.people import User


class TrustedPublisher(models.Model):
    """A rule: jobs whose identity token has these claims get short-lived tokens of a service account.

    ``claims`` maps the name of a claim to its value; the value of `ref` may be a pattern with `*`. With ``single_use``
    an identity token is exchanged once. A rule is never changed: ``deleted_at`` and ``deleted_by`` are set once.
    """

    account = models.ForeignKey(User, on_delete=models.PROTECT, related_name="trusted_publishers")
    name = models.CharField(max_length=100)
    issuer = models.CharField(max_length=500)
    audience = models.CharField(max_length=200)
    claims = models.JSONField()
    scopes = models.JSONField()
    single_use = models.BooleanField(default=True)
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["issuer"], name="accounts_publisher_issuer")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(deleted_at__isnull=True, deleted_by__isnull=True)
                | models.Q(deleted_at__isnull=False, deleted_by__isnull=False),
                name="accounts_publisher_deleted_whole",
            ),
            models.UniqueConstraint(
                fields=["account", "name"],
                condition=models.Q(deleted_at__isnull=True),
                name="accounts_publisher_name_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.account_id}"


class TokenExchange(models.Model):
    """The exchange of an identity token for an API token.

    ``proof`` is the SHA-256 of the issuer and the id of the identity token, None where its rule lets it be exchanged
    again. The row is deleted some time after both tokens have expired.
    """

    publisher = models.ForeignKey(TrustedPublisher, on_delete=models.PROTECT, related_name="exchanges")
    token = models.OneToOneField(ApiToken, on_delete=models.PROTECT, related_name="exchange")
    proof = models.CharField(max_length=64, null=True, blank=True, unique=True)
    exchanged_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.publisher_id} at {self.exchanged_at}"
