"""The forms of decisions: why, and on exactly what."""

from __future__ import annotations

from django import forms

from approvals.models import MAX_COMMENT
from console.shell.forms import ConsoleForm


class ReasonForm(ConsoleForm):
    """Why; a word is welcome."""

    comment = forms.CharField(
        label="Why?", required=False, max_length=MAX_COMMENT, widget=forms.Textarea(attrs={"rows": 3})
    )


class VerdictForm(ConsoleForm):
    """A decision on exactly what was shown: ``seen_digest`` names it."""

    comment = forms.CharField(
        label="Comment",
        max_length=MAX_COMMENT,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Kept for good, beside your name: what convinced you, or what has to change.",
    )
    seen_digest = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)
