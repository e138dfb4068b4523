"""Credentials of accounts: API tokens, approval sessions, passkeys, invitations, sign-in links, identity proofs."""

from __future__ import annotations

from django.db import models

from accounts.models.people import User


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
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

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
