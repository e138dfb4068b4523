"""Forms of the inventory: describe, attest and retire a model."""

from __future__ import annotations

from django import forms

from console.shell.forms import ConsoleForm, text_area
from registry.services.inventory import MAX_TEXT

_YES_NO = [("yes", "Yes"), ("no", "No")]


def _question(label: str) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=label, choices=_YES_NO, coerce=lambda value: value == "yes", widget=forms.RadioSelect
    )


class DescribeForm(ConsoleForm):
    """Owner and purpose of a model."""

    owner = forms.CharField(
        label="Owner", required=False, max_length=150, help_text="The username of the person who attests the model."
    )
    purpose = text_area("Purpose", "What the model is used for.", required=False, limit=MAX_TEXT)


class AttestForm(ConsoleForm):
    """The attestation of the owner of a model."""

    in_use = _question("Is the model in use?")
    still_fit = _question("Is it still fit for its purpose?")
    documentation_true = _question("Is its documentation correct?")
    comment = text_area("Comment", "Needed where an answer is no.", required=False, limit=MAX_TEXT)


class RetireForm(ConsoleForm):
    """Ask to retire a model."""

    reason = text_area(
        "Why should it be retired?", "Kept for good with your name. The second person reads it before deciding."
    )


class WithdrawForm(ConsoleForm):
    """Withdraw a request to retire a model."""

    comment = text_area("Comment", "Kept for good with your name.", required=False)


class DecideForm(ConsoleForm):
    """Decide on a request to retire a model."""

    decision = forms.ChoiceField(
        label="Decision",
        choices=[("retire", "Retire the model"), ("reject", "Reject the request")],
        widget=forms.RadioSelect,
    )
    comment = text_area("Comment", "Kept for good with your name.")
