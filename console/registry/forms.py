"""Forms of models and versions: access, moves between stages, aliases, and the risk questionnaire."""

from __future__ import annotations

from django import forms
from django.forms.boundfield import BoundField
from django.http import QueryDict

from accounts.principals import PrincipalKind
from console.shell.forms import ConsoleForm, moment_field, text_area
from registry.models import RiskAssessment
from registry.permissions import LEVEL_DESCRIPTIONS, Level
from registry.questionnaire import Questionnaire
from registry.services.risk import MAX_RATIONALE


class GrantForm(ConsoleForm):
    """Give a person, a service account or a group a level on a model."""

    kind = forms.ChoiceField(
        label="To whom",
        choices=[("user", "a person"), ("service", "a service account"), ("group", "a group")],
    )
    name = forms.CharField(label="Name", max_length=150, help_text="The username, or the name of the group.")
    level = forms.TypedChoiceField(
        label="Level",
        coerce=lambda value: Level(int(value)),
        choices=[(int(level), text) for level, text in LEVEL_DESCRIPTIONS.items()],
        help_text="Each level includes those before it. It replaces an earlier level.",
    )


class RevokeForm(ConsoleForm):
    """Remove somebody's level on a model."""

    kind = forms.ChoiceField(choices=[(str(kind), str(kind)) for kind in PrincipalKind], widget=forms.HiddenInput)
    name = forms.CharField(max_length=150, widget=forms.HiddenInput)


class TransitionForm(ConsoleForm):
    """Request the move of a version to another stage."""

    comment = text_area(
        "Why now?",
        "Reviewers read this first: what changed, how it was evaluated, what to watch.",
        required=False,
        limit=4000,
        rows=4,
    )
    archive_existing = forms.BooleanField(label="Archive the version this one replaces", required=False, initial=True)
    apply_after = moment_field("Not before", "UTC. If a policy applies, an approved version waits until then.")


class AliasForm(ConsoleForm):
    """Point an alias at a version."""

    alias = forms.CharField(
        label="Alias",
        max_length=255,
        help_text="Letters, digits, dashes and underscores, such as champion. Clients load models:/name@champion.",
    )
    comment = text_area("Why now?", "Reviewers of a protected alias read this first.", required=False)


class RemoveAliasForm(ConsoleForm):
    """Remove an alias."""

    comment = text_area("Why now?", "Stored with your name. The people who are notified read this.", required=False)


class RiskForm(ConsoleForm):
    """The risk questionnaire: one choice for each question.

    ``number`` is the assessment that the person read, 0 for none. The service refuses when there is a newer one.
    """

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
                error_messages={"required": "Choose an answer."},
            )
        self.fields["rationale"] = text_area(
            "Rationale",
            "What the answers are based on. Kept with this assessment.",
            required=False,
            limit=MAX_RATIONALE,
            rows=4,
        )
        self._codes = [question.code for question in questionnaire.questions]
        self.style_fields()

    def questions(self) -> list[BoundField]:
        """Return the questions, in order."""
        return [self[code] for code in self._codes]

    def answers(self) -> dict[str, str]:
        """Return the chosen options by question."""
        return {code: self.cleaned_data[code] for code in self._codes}
