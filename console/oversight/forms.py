"""The forms of moves that are no ordinary promotion, and of what is watched after a move."""

from __future__ import annotations

import datetime

from django import forms

from approvals.models.oversight import FindingState, PostReviewOutcome
from approvals.oversight.findings import MAX_TEXT, MAX_TITLE
from console.shell.forms import ConsoleForm, text_area
from policies.rules import Severity


def moment_field(label: str, help_text: str) -> forms.DateTimeField:
    """Return a field for a moment in UTC that may be left open."""
    return forms.DateTimeField(
        label=label,
        help_text=help_text,
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )


class RollBackForm(ConsoleForm):
    """Back to which version, and why."""

    version = forms.TypedChoiceField(label="Back to", coerce=int)
    reason = text_area("Why?", "What is wrong with the version that serves now. Kept for good, beside your name.")

    def __init__(self, *args: object, versions: list[tuple[int, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].choices = versions  # type: ignore[attr-defined]  # a choice field


class BreakGlassForm(ConsoleForm):
    """An emergency: where to, and why."""

    target = forms.ChoiceField(label="Move to")
    reason = text_area("What is the emergency?", "Everybody who sees this model reads it until it has been reviewed.")
    archive_existing = forms.BooleanField(label="Archive the version this one replaces", required=False)

    def __init__(self, *args: object, targets: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].choices = [(target, target) for target in targets]  # type: ignore[attr-defined]  # a choice field


class ConfirmForm(ConsoleForm):
    """Stand by a version again."""

    comment = text_area("What did you look at?", "Kept for good: what convinced you that it may stay.")


class PostReviewForm(ConsoleForm):
    """What the review after an emergency comes to."""

    outcome = forms.ChoiceField(
        label="Was it justified?",
        choices=[
            (PostReviewOutcome.JUSTIFIED.value, "Yes, it was an emergency"),
            (PostReviewOutcome.NOT_JUSTIFIED.value, "No: this opens a finding on the version"),
        ],
    )
    comment = text_area("What did you find?")


class FindingForm(ConsoleForm):
    """Something that was found."""

    title = forms.CharField(label="What is wrong?", max_length=MAX_TITLE)
    severity = forms.ChoiceField(
        label="Severity",
        initial=Severity.MEDIUM.value,
        choices=[(level.value, level.value.capitalize()) for level in Severity],
        help_text="Policies say from which severity on an open finding blocks.",
    )
    description = text_area("Details", "Markdown.", required=False, limit=MAX_TEXT)
    owner = forms.CharField(label="Owner", max_length=150, required=False, help_text="Who sees to it: a username.")
    due_at = moment_field("Due", "UTC. When it passes, the finding is marked as overdue.")


class AssignForm(ConsoleForm):
    """Another owner or due date."""

    owner = forms.CharField(label="Owner", max_length=150, required=False, help_text="A username; empty for nobody.")
    due_at = moment_field("Due", "UTC; empty for none.")
    comment = text_area("Why?", required=False)

    def __init__(
        self, *args: object, owner: str = "", due_at: datetime.datetime | None = None, **kwargs: object
    ) -> None:
        super().__init__(*args, initial={"owner": owner, "due_at": due_at}, **kwargs)


class CloseForm(ConsoleForm):
    """How a finding ends."""

    state = forms.ChoiceField(
        label="It is",
        choices=[
            (FindingState.RESOLVED.value, "resolved: what was wrong has been mended"),
            (FindingState.ACCEPTED.value, "accepted: it stays, and the risk is known"),
            (FindingState.FALSE_POSITIVE.value, "a false positive: nothing was wrong"),
        ],
    )
    comment = text_area("Why?", "Kept for good, beside your name.")
