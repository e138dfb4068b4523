"""Forms of rollbacks, break-glass moves and their reviews, re-reviews and findings."""

from __future__ import annotations

import datetime

from django import forms

from approvals.models.oversight import FindingState, PostReviewOutcome
from approvals.oversight.findings import MAX_TEXT, MAX_TITLE
from console.shell.forms import ConsoleForm, moment_field, text_area
from console.shell.passkeys import PasskeyPart, SigningForm
from policies.rules import Severity
from policies.targets import target_text


class RollBackForm(ConsoleForm):
    """Choose the version to roll back to, and say why."""

    version = forms.TypedChoiceField(label="Roll back to", coerce=int)
    reason = text_area("Why?", "Say what is wrong with the version in Production. Stored permanently with your name.")

    def __init__(self, *args: object, versions: list[tuple[int, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].choices = versions  # type: ignore[attr-defined]  # a choice field


class BreakGlassForm(SigningForm):
    """Choose where to move a version without its policy, and say why."""

    target = forms.ChoiceField(label="Move to")
    reason = text_area(
        "What is the emergency?", "Shown to everybody who can see this model until the move has been reviewed."
    )
    archive_existing = forms.BooleanField(label="Archive the version this one replaces", required=False)

    def __init__(self, *args: object, targets: list[str], passkey: PasskeyPart, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.offer_passkey(passkey)
        self.fields["target"].choices = [(target, target_text(target)) for target in targets]  # type: ignore[attr-defined]  # a choice field


class ConfirmForm(ConsoleForm):
    """Confirm that a version may stay where it is."""

    comment = text_area(
        "What did you check?", "Stored permanently with your name. Say what convinced you that it may stay."
    )


class PostReviewForm(ConsoleForm):
    """The review of a break-glass move."""

    outcome = forms.ChoiceField(
        label="Was it justified?",
        choices=[
            (PostReviewOutcome.JUSTIFIED.value, "Yes, it was an emergency"),
            (PostReviewOutcome.NOT_JUSTIFIED.value, "No. This opens a finding on the version"),
        ],
    )
    comment = text_area("Why?", "Stored permanently with your name.")


class FindingForm(ConsoleForm):
    """Open a finding."""

    title = forms.CharField(label="What is wrong?", max_length=MAX_TITLE)
    severity = forms.ChoiceField(
        label="Severity",
        initial=Severity.MEDIUM.value,
        choices=[(level.value, level.value.capitalize()) for level in Severity],
        help_text="A policy sets the severity from which an open finding blocks a promotion.",
    )
    description = text_area("Details", "Markdown.", required=False, limit=MAX_TEXT)
    owner = forms.CharField(
        label="Owner", max_length=150, required=False, help_text="The username of the person who resolves it."
    )
    due_at = moment_field("Due", "UTC. From then on the finding is marked as overdue.")


class AssignForm(ConsoleForm):
    """Change the owner or the due date of a finding."""

    owner = forms.CharField(
        label="Owner", max_length=150, required=False, help_text="A username. Leave empty for no owner."
    )
    due_at = moment_field("Due", "UTC. Leave empty for no due date.")
    comment = text_area("Why?", required=False)

    def __init__(
        self, *args: object, owner: str = "", due_at: datetime.datetime | None = None, **kwargs: object
    ) -> None:
        super().__init__(*args, initial={"owner": owner, "due_at": due_at}, **kwargs)


class CloseForm(ConsoleForm):
    """Close a finding."""

    state = forms.ChoiceField(
        label="Outcome",
        choices=[
            (FindingState.RESOLVED.value, "Resolved: the problem is fixed"),
            (FindingState.ACCEPTED.value, "Accepted: the problem stays, and its risk is known"),
            (FindingState.FALSE_POSITIVE.value, "False positive: there was no problem"),
        ],
    )
    comment = text_area("Why?", "Stored permanently with your name.")
