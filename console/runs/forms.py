"""Forms of access to experiments: levels on one experiment, and levels on all experiments that match a pattern."""

from __future__ import annotations

from django import forms

from accounts.principals import PrincipalKind
from console.shell.forms import ConsoleForm
from tracking.models import ExperimentLevel
from tracking.permissions.levels import LEVEL_DESCRIPTIONS


class ExperimentGrantForm(ConsoleForm):
    """Give a person, a service account or a group a level on an experiment."""

    kind = forms.ChoiceField(
        label="Kind", choices=[("user", "a person"), ("service", "a service account"), ("group", "a group")]
    )
    name = forms.CharField(label="Name", max_length=150, help_text="The username, or the name of the group.")
    level = forms.TypedChoiceField(
        label="Level",
        coerce=lambda value: ExperimentLevel(int(value)),
        choices=[(int(level), text) for level, text in LEVEL_DESCRIPTIONS.items()],
        help_text="Each level includes those before it. It replaces the level they had.",
    )


class PatternGrantForm(ExperimentGrantForm):
    """Give a level on every experiment whose name matches."""

    pattern = forms.CharField(
        label="Names of experiments",
        max_length=500,
        strip=False,
        help_text="* matches any text: team-a/* matches all names that begin with team-a/.",
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(["pattern"])


class ExperimentRevokeForm(ConsoleForm):
    """Remove somebody's level; without a pattern, on one experiment."""

    kind = forms.ChoiceField(choices=[(str(kind), str(kind)) for kind in PrincipalKind], widget=forms.HiddenInput)
    name = forms.CharField(max_length=150, widget=forms.HiddenInput)
    pattern = forms.CharField(max_length=500, required=False, strip=False, widget=forms.HiddenInput)
