"""Model of the signatures that people's passkeys made on reviews, overrides and requests for break-glass."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from approvals.models.requests import Override, Review, TransitionRequest
from core.append_only import AppendOnlyModel


class PasskeySignature(AppendOnlyModel):
    """A signature of a person's passkey on one review, one override, or one request for break-glass.

    ``statement`` is the canonical JSON whose SHA-256 is the challenge, and ``nonce`` the part of it that makes it good
    for one use. ``authenticator_data``, ``client_data`` and ``signature`` are what the browser answered, as base64url
    without padding. With the key's enrolment event they are all that a verification needs. The database refuses a
    passkey of somebody else, and one that is removed.
    """

    passkey = models.ForeignKey("accounts.Passkey", on_delete=models.PROTECT, related_name="+")
    review = models.OneToOneField(Review, null=True, on_delete=models.PROTECT, related_name="passkey_signature")
    override = models.OneToOneField(Override, null=True, on_delete=models.PROTECT, related_name="passkey_signature")
    request = models.OneToOneField(
        TransitionRequest, null=True, on_delete=models.PROTECT, related_name="passkey_signature"
    )
    nonce = models.CharField(max_length=64, unique=True)
    statement = models.TextField()
    authenticator_data = models.CharField(max_length=1000)
    client_data = models.CharField(max_length=1000)
    signature = models.CharField(max_length=1000)
    signed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(review__isnull=False, override__isnull=True, request__isnull=True)
                | Q(review__isnull=True, override__isnull=False, request__isnull=True)
                | Q(review__isnull=True, override__isnull=True, request__isnull=False),
                name="approvals_passkeysignature_of_one",
            ),
            models.CheckConstraint(
                condition=~Q(nonce="") & ~Q(statement="") & ~Q(signature=""), name="approvals_passkeysignature_whole"
            ),
        ]

    def __str__(self) -> str:
        return f"signature {self.pk} by passkey {self.passkey_id}"


def passkey_signature_of(row: Review | Override | TransitionRequest) -> PasskeySignature | None:
    """Return the signature of a passkey on a row, None without one.

    No query for a row that was read with ``select_related("passkey_signature")``.
    """
    return getattr(row, "passkey_signature", None)
