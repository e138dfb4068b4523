"""The form of quarantining a dataset version and releasing it."""

from __future__ import annotations

from django import forms

from console.shell.forms import ConsoleForm


class ReasonForm(ConsoleForm):
    """Why something is done, which is kept."""

    reason = forms.CharField(
        label="Why?",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept for good. Whoever is stopped by this reads it.",
    )
