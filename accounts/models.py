"""People, service accounts, their API tokens, and the approval sessions of people."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models

from core.append_only import AppendOnlyModel
from core.look_alikes import is_unseen, look_alike_key


class User(AbstractUser):
    """A person, or a service account owned by a person. Service accounts never approve and have no pages.

    An account keeps its username (a trigger holds it): authors, runs and events name people by it.
    """

    is_service = models.BooleanField(default=False)
    owner = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="service_accounts")

    def __str__(self) -> str:
        return self.username

    def clean(self) -> None:
        """Refuse a service account without an owner, or whose owner is a service account."""
        super().clean()
        self._refuse_look_alikes()
        if not self.is_service:
            return
        if self.owner is None or self.owner.is_service or self.owner_id == self.pk:
            raise ValidationError({"owner": "A service account needs a person as its owner."})
        if self.pk is not None and self.service_accounts.exists():
            raise ValidationError({"is_service": "This person owns service accounts. Give those another owner first."})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the account. A new one is checked here too: Django's own `createsuperuser` does not call `clean`."""
        if self._state.adding:
            self._refuse_look_alikes()
        super().save(*args, **kwargs)

    def _refuse_look_alikes(self) -> None:
        """Refuse a new username that a reader would take for another account's, or not see all of."""
        if self.pk is not None or not self.username:  # a form leaves it out where it refused it
            return
        if any(is_unseen(letter) for letter in self.username):
            raise ValidationError({"username": "This username contains characters that cannot be seen."})
        key = look_alike_key(self.username)
        others = User.objects.values_list("username", flat=True)
        if other := next((name for name in others if look_alike_key(name) == key), None):
            raise ValidationError({"username": f"This username looks like that of another account: {other}."})


class FormerOwner(models.Model):
    """A former owner of a service account, who counts as an author of what it did then. Written by a trigger."""

    account = models.ForeignKey(User, on_delete=models.PROTECT, related_name="former_owners")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "owner"], name="accounts_formerowner_once")]

    def __str__(self) -> str:
        return f"{self.owner} of {self.account}"


class AccountChange(AppendOnlyModel):
    """A change of an account: created, added to a group, password set, activated.

    ``made_by`` is empty where it is unknown.

    ``kind`` is one of accounts/changes.py: Change, ``detail`` the name of the group.
    """

    account = models.ForeignKey(User, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=20)
    detail = models.CharField(max_length=150, default="", blank=True)
    made_by = models.CharField(max_length=150, default="", blank=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.detail} of {self.account_id} by {self.made_by}"


class AccountConfirmation(AppendOnlyModel):
    """A superuser confirms that an account belongs to a person whose approvals count, whoever made or changed it."""

    account = models.ForeignKey(User, on_delete=models.PROTECT, related_name="confirmations")
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=1000)
    confirmed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(account=models.F("confirmed_by")), name="accounts_confirmation_by_another"
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="accounts_confirmation_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} confirmed by {self.confirmed_by_id}"


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
    """A bearer secret by which a script acts for a person who has just given the password: minutes long, kept as
    SHA-256.

    ``issued_by`` is SHA-256 of the key of the sign-in it was started from, and ends with it; ``password_mark`` is
    SHA-256 of Django's session hash of the password, so that a new password ends the approval session too.
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


class AttemptCount(models.Model):
    """The number of attempts since a time, such as sign-ins with a name from an address (accounts/attempts.py).

    ``key`` is the SHA-256 of what is limited.
    """

    key = models.CharField(max_length=64, primary_key=True)
    attempts = models.IntegerField()
    since = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.attempts} since {self.since}"
