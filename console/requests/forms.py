"""The forms of the dialogs that decide on a request. They check shape only; what is allowed is the services' word."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from accounts.authentication import actor_from_request
from accounts.models import User
from approvals.case.loading import Case, load_case
from approvals.models import MAX_COMMENT, Decision
from approvals.requests.signatures import MEANINGS, OVERRIDE, Signature
from console.requests.presenters.requests import find_request
from console.shell.forms import ConsoleForm, dress
from core.errors import NotFound
from core.ids import MAX_ROW_ID


class DecisionForm(ConsoleForm):
    """A decision with its reason. ``seen_digest`` is what the page showed: if that has changed, the decision is refused.

    Where the policy asks for electronic signatures the form also asks what the signature means, and for the password.
    """

    comment = forms.CharField(
        label="Comment",
        max_length=MAX_COMMENT,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Kept for good, beside your name: what convinced you, or what has to change.",
    )
    seen_digest = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)

    form_before_template = "console/requests/_decision_subject.html"
    signs = ""

    def __init__(self, *, request: HttpRequest, object_id: str | None = None, data: Any = None) -> None:
        try:
            self.subject = find_request(actor_from_request(request), object_id or "")
        except NotFound as error:
            raise Http404(error.message) from error
        case = load_case(self.subject)
        seen = request.GET.get("seen", "")[:64]
        super().__init__(data, initial={"seen_digest": seen or case.snapshot.subject_digest})
        if self.signs and case.snapshot.e_signature:
            self._ask_to_sign(request)
        self.prepare(request, case)
        dress(self)

    def prepare(self, request: HttpRequest, case: Case) -> None:
        """Add what a kind of decision asks besides."""

    def signature(self) -> Signature | None:
        """Return the signature that was given; None where none was asked for."""
        if "password" not in self.fields:
            return None
        return Signature(password=self.cleaned_data["password"], meaning=self.cleaned_data["meaning"])

    def render_before_template(self) -> SafeString | str:
        """Say what is decided on; unfold's dialog asks a form for this."""
        return render_to_string(self.form_before_template, {"subject": self.subject})

    def render_after_template(self) -> str:
        return ""

    def _ask_to_sign(self, request: HttpRequest) -> None:
        user = request.user
        name = user.get_full_name() if isinstance(user, User) else ""
        self.fields["meaning"] = forms.ChoiceField(
            label="This signature means",
            choices=[(meaning, meaning.capitalize()) for meaning in MEANINGS[self.signs]],
            help_text=f"Signed as {name}."
            if name
            else "Your account has no full name to print: an administrator enters it.",
        )
        self.fields["password"] = forms.CharField(
            label="Your password",
            strip=False,
            max_length=4096,
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
            help_text="This policy asks for an electronic signature: give your password again to sign.",
        )


class ApproveForm(DecisionForm):
    """Saying yes."""

    signs = Decision.APPROVE


class RejectForm(DecisionForm):
    """Saying no."""

    signs = Decision.REJECT


class ChangesForm(DecisionForm):
    """Saying what has to change first."""

    signs = Decision.REQUEST_CHANGES


class OverrideForm(DecisionForm):
    """Letting a soft rule be, with the reason."""

    signs = OVERRIDE
    rule = forms.CharField(widget=forms.HiddenInput, max_length=110)

    def prepare(self, request: HttpRequest, case: Case) -> None:
        """Say which rule it is and what it says."""
        name = request.GET.get("rule", "")[:110]
        self.fields["rule"].initial = name
        said = next((row.why for row in case.verdict.rules if row.rule == name), "")
        self.fields["comment"].label = f"Why may {name or 'this rule'} be overridden?"
        self.fields["comment"].help_text = f"It says: {said} Your reason is kept for good, beside your name."


class TakeBackForm(DecisionForm):
    """Taking an override back, with the reason."""

    override = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=MAX_ROW_ID)

    def prepare(self, request: HttpRequest, case: Case) -> None:  # noqa: ARG002 - one signature
        """Keep which override it is."""
        self.fields["override"].initial = request.GET.get("override", "")[:20]
        self.fields["comment"].label = "Why is it taken back?"
        self.fields["comment"].help_text = "Kept for good, beside your name."


class WithdrawForm(DecisionForm):
    """Taking a request back; a word on why is welcome."""

    comment = forms.CharField(
        label="Why?", required=False, max_length=MAX_COMMENT, widget=forms.Textarea(attrs={"rows": 3})
    )


class CommentForm(ConsoleForm):
    """Say something, or answer."""

    text = forms.CharField(max_length=65_535, widget=forms.Textarea(attrs={"rows": 3}))
    reply_to = forms.IntegerField(required=False, widget=forms.HiddenInput)
