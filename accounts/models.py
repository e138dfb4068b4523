"""People, service accounts, their API tokens, and the approval sessions and passkeys of people."""

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
    """A change of an account: created, added to a group, password set, activated, made a person.

    ``kind`` is a value of `accounts.changes.Change`. ``detail`` is the name of the group, "" for other kinds.
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


class ApiToken(models.Model):
    """An API token. Only the SHA-256 of its secret is stored (`digest`), and the first characters (`hint`)."""

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
    """An approval session: a script acts for a person who has just given the password. It lasts some minutes.

    ``digest`` is the SHA-256 of its secret. ``issued_by`` is the SHA-256 of the key of the browser's session; signing
    out there ends the approval session. ``password_mark`` is the SHA-256 of Django's session hash of the password, so
    that a new password ends the approval session too.
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


class Passkey(models.Model):
    """A passkey of a person (WebAuthn): the public key whose private key is on a device of theirs.

    ``credential_id`` and ``public_key`` (COSE) are base64url without padding. ``synced``: the device may copy the
    private key to others. ``enrolment_event`` is the id of the audit event that added it, which has the public key
    too. Only ``sign_count`` rises later, and ``removed_at`` and ``removed_by`` are set once; the database refuses every
    other change.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="passkeys")
    name = models.CharField(max_length=100)
    credential_id = models.CharField(max_length=700, unique=True)
    public_key = models.CharField(max_length=900)
    aaguid = models.CharField(max_length=36)
    synced = models.BooleanField()
    sign_count = models.BigIntegerField()
    enrolment_event = models.UUIDField(unique=True)
    added_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~models.Q(public_key=""), name="accounts_passkey_has_key"),
            models.CheckConstraint(
                condition=models.Q(removed_at__isnull=True, removed_by__isnull=True)
                | models.Q(removed_at__isnull=False, removed_by__isnull=False),
                name="accounts_passkey_removed_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user_id}"


class Invitation(models.Model):
    """An invitation to make an account at the first sign-in with an identity provider. It is redeemed once.

    It is for the person to whom the provider says that the e-mail address belongs. ``username`` is "" where the account
    gets the name that the provider sends. ``invited_by`` is None for an invitation by a command.
    """

    provider = models.CharField(max_length=200)
    email = models.CharField(max_length=254)
    username = models.CharField(max_length=150, default="", blank=True)
    invited_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    invited_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    redeemed_at = models.DateTimeField(null=True, blank=True)
    account = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="invitations")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(redeemed_at__isnull=True, account__isnull=True)
                | models.Q(redeemed_at__isnull=False, account__isnull=False),
                name="accounts_invitation_redeemed_by_an_account",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} at {self.provider}"


class SignInLink(models.Model):
    """A link that signs a person in once. A command prints it; only the SHA-256 of its secret is stored (`digest`)."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="sign_in_links")
    digest = models.CharField(max_length=64, unique=True)
    issued_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"sign-in link of {self.user}"


class IdentityProof(models.Model):
    """A person was asked to sign in again at an identity provider, and did. It serves one purpose, once, for minutes.

    ``purpose`` is the reference of a transition request, or `approval-session`. ``digest`` is the SHA-256 of a secret
    that the browser's session keeps. ``provider`` is the id of the provider, and ``signed_in_at`` its `auth_time`.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="identity_proofs")
    digest = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=100)
    provider = models.CharField(max_length=200)
    signed_in_at = models.DateTimeField()
    proved_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.user} for {self.purpose}"


class AttemptCount(models.Model):
    """The number of attempts since a time, such as sign-ins with a name from an address (accounts/attempts.py).

    ``key`` is the SHA-256 of the text that names the kind of attempt.
    """

    key = models.CharField(max_length=64, primary_key=True)
    attempts = models.IntegerField()
    since = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.attempts} since {self.since}"
