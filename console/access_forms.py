"""The forms that hand out levels on a model."""

from __future__ import annotations

from django import forms

from console.forms import ConsoleForm
from registry.permissions import LEVEL_WORDS, Level, PrincipalKind


class GrantForm(ConsoleForm):
    """Give somebody a level on a model."""

    kind = forms.ChoiceField(
        label="To whom",
        choices=[("user", "a person"), ("service", "a service account"), ("group", "a group")],
    )
    name = forms.CharField(label="Name", max_length=150, help_text="The user name, or the name of the group.")
    level = forms.TypedChoiceField(
        label="May",
        coerce=lambda value: Level(int(value)),
        choices=[(int(level), words) for level, words in LEVEL_WORDS.items()],
        help_text="Each includes those before it. It replaces the level they had.",
    )


class RevokeForm(ConsoleForm):
    """Take somebody's level away."""

    kind = forms.ChoiceField(choices=[(str(kind), str(kind)) for kind in PrincipalKind], widget=forms.HiddenInput)
    name = forms.CharField(max_length=150, widget=forms.HiddenInput)
