"""People, service accounts, their API tokens, and the approval sessions of people."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models


class User(AbstractUser):
    """A person, or a service account owned by a person. Service accounts never approve and have no pages.

    An account keeps its username (a trigger holds it): authors, runs and events name people by it.
    """

    is_service = models.BooleanField(default=False)
    owner = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="service_accounts")

    def __str__(self) -> str:
        return self.username

    def clean(self) -> None:
        """Refuse a service account that nobody stands behind: no owner, or one that is a service account itself."""
        super().clean()
        if not self.is_service:
            return
        if self.owner is None or self.owner.is_service or self.owner_id == self.pk:
            raise ValidationError({"owner": "A service account needs a person as its owner."})
        if self.pk is not None and self.service_accounts.exists():
            raise ValidationError({"is_service": "This person owns service accounts. Give those another owner first."})


class FormerOwner(models.Model):
    """Who owned a service account before, and answers for what it did then. A trigger writes it as the owner changes."""

    account = models.ForeignKey(User, on_delete=models.PROTECT, related_name="former_owners")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "owner"], name="accounts_formerowner_once")]

    def __str__(self) -> str:
        return f"{self.owner} of {self.account}"


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
