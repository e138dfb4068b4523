"""People, service accounts, their API tokens, and the approval sessions of people."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person, or a service account owned by a person. Service accounts never approve and have no pages."""

    is_service = models.BooleanField(default=False)
    owner = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="service_accounts")

    def __str__(self) -> str:
        return self.username


class ApiToken(models.Model):
    """A bearer secret, kept as SHA-256 (it has 256 bits of entropy, so a slow hash would protect nothing)."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    label = models.CharField(max_length=100, default="", blank=True)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=16)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API token"
        verbose_name_plural = "API tokens"

    def __str__(self) -> str:
        return f"{self.hint}… of {self.user}"


class ApprovalSession(models.Model):
    """A bearer secret that stands for a person who has just given their password: for minutes, kept as SHA-256.

    ``issued_by`` is SHA-256 of the key of the sign-in it was started from, and ends with it; ``password_mark`` is SHA-256
    of what Django's own sessions remember of the password, so that changing the password ends it too.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="approval_sessions")
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=16)
    issued_by = models.CharField(max_length=64, db_index=True)
    password_mark = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.hint}… of {self.user}"
