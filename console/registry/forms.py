"""The forms that hand out levels on a model."""

from __future__ import annotations

from django import forms
from django.forms.boundfield import BoundField
from django.http import QueryDict

from console.shell.forms import ConsoleForm, text_area
from registry.models import RiskAssessment
from registry.permissions import LEVEL_WORDS, Level, PrincipalKind
from registry.questionnaire import Questionnaire
from registry.services.risk import MAX_RATIONALE


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


class TransitionForm(ConsoleForm):
    """Ask that a version move to another stage."""

    comment = forms.CharField(
        label="Why now?",
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Reviewers read this first: what changed, how it was evaluated, what to watch.",
    )
    archive_existing = forms.BooleanField(
        label="Archive the version this one replaces, in the same step", required=False, initial=True
    )
    apply_after = forms.DateTimeField(
        label="Not before",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        help_text="UTC. Where a policy governs, an approved move waits until then.",
    )


class AliasForm(ConsoleForm):
    """Point an alias at a version."""

    alias = forms.CharField(
        label="Alias",
        max_length=255,
        help_text="Letters, digits, dashes and underscores, such as champion. Readers load it as models:/name@champion.",
    )
    comment = text_area("Why now?", "Reviewers of a protected alias read this first.", required=False)


class RiskForm(ConsoleForm):
    """The questionnaire: a choice for each question. ``number`` is the assessment that was read, 0 for none."""

    number = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(
        self, data: QueryDict | None = None, *, questionnaire: Questionnaire, current: RiskAssessment | None
    ) -> None:
        super().__init__(data, initial={"number": current.number if current else 0})
        answers = current.answers if current else {}
        for question in questionnaire.questions:
            self.fields[question.code] = forms.ChoiceField(
                label=question.text,
                help_text=f"{question.help} ({question.source})",
                choices=[(option.code, option.text) for option in question.options],
                initial=answers.get(question.code),
                widget=forms.RadioSelect,
                error_messages={"required": "Choose one."},
            )
        self.fields["rationale"] = forms.CharField(
            label="In your own words",
            required=False,
            max_length=MAX_RATIONALE,
            widget=forms.Textarea(attrs={"rows": 4}),
            help_text="What the answers rest on. It stands with this assessment for good.",
        )
        self._codes = [question.code for question in questionnaire.questions]
        self.dress()

    def questions(self) -> list[BoundField]:
        """Return the questions, in order."""
        return [self[code] for code in self._codes]

    def answers(self) -> dict[str, str]:
        """Return the options chosen."""
        return {code: self.cleaned_data[code] for code in self._codes}
