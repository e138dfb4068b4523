"""Forms of the dialogs that decide on a transition request, and of comments in its discussion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.urls import reverse

from approvals.case.loading import Case
from approvals.models import MAX_COMMENT, Decision
from approvals.oversight.condition_terms import ConditionTerms
from approvals.requests.comments import MAX_COMMENT as MAX_DISCUSSION_COMMENT
from approvals.requests.signatures import MEANINGS, OVERRIDE, Signature
from console.account.identity import IdentityCheck
from console.shell.forms import ConsoleForm, moment_field, text_area
from console.shell.passkeys import PasskeyPart, SigningForm
from core.ids import MAX_ROW_ID

_COMMENT_HELP = "Kept for good with your name. Say what convinced you, or what has to change."
_REASON_HELP = "Kept for good with your name."
_CONDITION_NEEDS = {
    "owner": "Enter who has to meet the condition.",
    "due_at": "Enter when the condition is due.",
}


class CommentForm(ConsoleForm):
    """A comment in the discussion of a version, or an answer to one."""

    text = forms.CharField(max_length=MAX_DISCUSSION_COMMENT, widget=forms.Textarea(attrs={"rows": 3}))
    reply_to = forms.IntegerField(required=False, widget=forms.HiddenInput)


@dataclass(frozen=True, slots=True)
class Signer:
    """The person who signs: the name that an electronic signature prints, a passkey, and the means to confirm them."""

    printed_name: str
    has_passkey: bool
    identity: IdentityCheck


class SignedForm(SigningForm):
    """A comment on a request, and the signatures that the policy requires.

    ``seen_digest`` identifies the version and its evidence as the page showed them. The service refuses when they have
    changed. ``signs`` is what is signed: a decision, or an override. Where the policy requires electronic signatures,
    the form also asks for the meaning of the signature and for the password, or names the identity provider at which
    the person has to sign in again.
    """

    comment = text_area("Comment", _COMMENT_HELP, rows=4)
    seen_digest = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)

    def __init__(self, data: Any = None, *, case: Case, signs: str, signer: Signer, seen: str = "") -> None:
        super().__init__(data, initial={"seen_digest": seen[:64] or case.snapshot.subject_digest})
        self._identity = signer.identity
        if case.snapshot.e_signature:
            self._ask_for_signature(signs, signer.printed_name)
            self.style_fields()
        needed = case.snapshot.needs_passkey and signs in (Decision.APPROVE, OVERRIDE)
        address = reverse("console:passkey_options", args=[case.request.pk, signs])
        self.offer_passkey(PasskeyPart(address, needed, signer.has_passkey))

    def signature(self) -> Signature | None:
        """Return the signature, None where the policy requires none."""
        if "meaning" not in self.fields:
            return None
        password = self.cleaned_data.get("password") or ""
        return Signature(password=password, meaning=self.cleaned_data["meaning"], proof=self._identity.secret)

    def _ask_for_signature(self, signs: str, printed_name: str) -> None:
        name_help = f"Signed as {printed_name}."
        if not printed_name:
            name_help = "Your account has no full name to print. Ask an administrator to enter it."
        self.fields["meaning"] = forms.ChoiceField(
            label="This signature means",
            choices=[(meaning, meaning.capitalize()) for meaning in MEANINGS[signs]],
            help_text=name_help,
        )
        if not self._identity.by_password:
            self.fields["identity"] = self._identity.field()
            return
        self.fields["password"] = forms.CharField(
            label="Your password",
            strip=False,
            max_length=4096,
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
            help_text="This policy requires an electronic signature. Enter your password to sign.",
        )


class ApproveForm(SignedForm):
    """Approve a request, with at most one condition. (The REST API accepts several.)"""

    condition = text_area(
        "Condition (optional)",
        "What still has to be done. It becomes a finding when the version moves.",
        required=False,
        limit=2000,
        rows=2,
    )
    owner = forms.CharField(
        label="Who has to meet it", required=False, max_length=150, help_text="The username of a person."
    )
    due_at = moment_field("Due", "UTC. From then on the open finding blocks moves of the version.")
    expires_at = moment_field(
        "Approval ends", "UTC, optional. If the finding is still open then, the version leaves its stage or alias."
    )

    def clean(self) -> dict[str, Any]:
        """Require an owner and a due date for a condition, and a condition for any of the other three fields."""
        cleaned = super().clean() or {}
        if cleaned.get("condition"):
            for name, message in _CONDITION_NEEDS.items():
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, message)
        elif any(cleaned.get(name) for name in ("owner", "due_at", "expires_at")):
            self.add_error("condition", "Say what has to be done, or leave the other fields of the condition empty.")
        return cleaned

    def conditions(self) -> list[ConditionTerms]:
        """Return the condition that was entered, in a list."""
        cleaned = self.cleaned_data
        if not cleaned["condition"]:
            return []
        return [ConditionTerms(cleaned["condition"], cleaned["owner"], cleaned["due_at"], cleaned["expires_at"])]


class OverrideForm(SignedForm):
    """Override one soft rule, with the reason."""

    rule = forms.CharField(widget=forms.HiddenInput, max_length=110)

    def __init__(self, data: Any = None, *, rule: str, case: Case, signer: Signer, seen: str = "") -> None:
        super().__init__(data, case=case, signs=OVERRIDE, signer=signer, seen=seen)
        why = next((row.why for row in case.verdict.rules if row.rule == rule), "")
        self.fields["rule"].initial = rule
        self.fields["comment"].label = f"Why may {rule or 'this rule'} be overridden?"
        self.fields["comment"].help_text = f"The rule is not met: {why} {_REASON_HELP}" if why else _REASON_HELP


class OverrideWithdrawalForm(ConsoleForm):
    """Withdraw an override, with the reason."""

    override = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=MAX_ROW_ID)
    comment = text_area("Why is the override withdrawn?", _REASON_HELP, rows=4)


class ReasonForm(ConsoleForm):
    """Say why a version is to move."""

    comment = text_area("Why now?", "Kept with your name. It cannot be changed afterwards.")


class WithdrawalForm(ConsoleForm):
    """Withdraw a request; a reason is optional."""

    comment = text_area("Why?", required=False, limit=MAX_COMMENT)
