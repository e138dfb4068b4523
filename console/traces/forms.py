"""The form of an assessment."""

from __future__ import annotations

import json

from django import forms

from console.shell.forms import ConsoleForm, text_area
from traces.limits import MAX_KEY
from traces.models import AssessmentKind


class AssessmentForm(ConsoleForm):
    """Say how good a trace is, or what it should have answered."""

    kind = forms.ChoiceField(
        label="Kind",
        choices=[
            (AssessmentKind.FEEDBACK.value, "feedback: how good the answer is"),
            (AssessmentKind.EXPECTATION.value, "expectation: what the answer should be"),
        ],
    )
    name = forms.CharField(label="Name", max_length=MAX_KEY, help_text="Such as correct, helpful, expected_response.")
    value = forms.CharField(
        label="Value",
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="true or false, a number, other JSON, or text.",
    )
    rationale = text_area("Why?", "Kept with the assessment.", required=False, limit=10_000, rows=3)

    def clean_value(self) -> object:
        """Return the parsed value where the text is JSON, else the text."""
        text: str = self.cleaned_data["value"]
        try:
            return json.loads(text, parse_constant=str)
        except ValueError:
            return text
