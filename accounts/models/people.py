"""People and service accounts, the keys of their names, their owners, and the changes of accounts."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from accounts.usernames import LONGEST_USERNAME, check_username, too_long, username_digest
from core.append_only import AppendOnlyModel
from core.look_alikes import is_unseen


class User(AbstractUser):
    """A person, or a service account that a person owns. A service account never approves and cannot sign in.

    A database trigger keeps the username unchanged, because authors, runs and events name people by it.
    """

    is_service = models.BooleanField(default=False)
    owner = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="service_accounts")

    def __str__(self) -> str:
        return self.username

    def clean(self) -> None:
        """Refuse a service account without a person as its owner, and a new username that looks like another one.

        Django normalizes the username here, after it has validated the field. Raises ValidationError.
        """
        entered = self.username
        super().clean()
        if self.username != entered:
            check_username(self.username)
        self._refuse_look_alikes()
        if not self.is_service:
            return
        if self.owner is None or self.owner.is_service or self.owner_id == self.pk:
            raise ValidationError({"owner": "A service account needs a person as its owner."})
        if self.pk is not None and self.service_accounts.exists():
            raise ValidationError({"is_service": "This person owns service accounts. Give those another owner first."})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the account. A new one is checked here too: Django's own `createsuperuser` does not call `clean`."""
        if not self._state.adding:
            super().save(*args, **kwargs)
            return
        if len(self.username) > LONGEST_USERNAME:
            raise too_long(self.username)
        self._refuse_look_alikes()
        with transaction.atomic():
            super().save(*args, **kwargs)
            try:
                with transaction.atomic():
                    UsernameKey.objects.create(account=self, digest=username_digest(self.username))
            except IntegrityError as error:  # somebody else made it at the same moment
                raise self._looks_like("another account, made at the same moment") from error

    def _refuse_look_alikes(self) -> None:
        """Refuse a new username with invisible characters, and one that a reader could confuse with another."""
        if self.pk is not None or not self.username:  # a form that refused the username leaves it empty
            return
        if any(is_unseen(letter) for letter in self.username):
            raise ValidationError({"username": "This username contains characters that cannot be seen."})
        taken = UsernameKey.objects.filter(digest=username_digest(self.username)).values_list("account__username")
        if other := taken.first():
            raise self._looks_like(f"another account: {other[0]}")

    def _looks_like(self, other: str) -> ValidationError:
        return ValidationError({"username": f"This username looks like that of {other}."})


class UsernameKey(models.Model):
    """The key of what a reader sees of a username: unique, so that no two accounts can be confused.

    An account from before this table whose name looked like that of an older one has no row.
    """

    account = models.OneToOneField(User, on_delete=models.CASCADE, related_name="username_key")
    digest = models.CharField(max_length=64, unique=True)

    def __str__(self) -> str:
        return f"{self.account}: {self.digest}"


class FormerOwner(models.Model):
    """A former owner of a service account, who counts as an author of its work. A database trigger writes the rows."""

    account = models.ForeignKey(User, on_delete=models.PROTECT, related_name="former_owners")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "owner"], name="accounts_formerowner_once")]

    def __str__(self) -> str:
        return f"{self.owner} of {self.account}"


class AccountChange(AppendOnlyModel):
    """A change of an account: created, added to a group, made an owner of one, password set, activated, made a person.

    ``kind`` is a value of `accounts.changes.Change`. ``detail`` is the name of the group, "" where there is none.
    ``made_by`` is "" where the author is unknown.
    """

    account = models.ForeignKey(User, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=20)
    detail = models.CharField(max_length=150, default="", blank=True)
    made_by = models.CharField(max_length=150, default="", blank=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.detail} of {self.account_id} by {self.made_by}"


class AccountConfirmation(AppendOnlyModel):
    """The confirmation of a superuser that an account belongs to a person whose approvals count."""

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
