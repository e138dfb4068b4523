"""Forms of the quarantine of dataset versions and of suggested edges."""

from __future__ import annotations

from console.shell.forms import ConsoleForm, text_area


class ReasonForm(ConsoleForm):
    """The reason for quarantining or releasing a dataset version."""

    reason = text_area(
        "Why?", "Stored permanently with your name. People whose promotion is blocked can read it.", limit=1000
    )


class SeparationForm(ConsoleForm):
    """The reason for separating two names of a dataset."""

    reason = text_area("Why?", "Stored permanently with your name.", limit=1000)


class DecisionForm(ConsoleForm):
    """The reason for confirming or rejecting a suggested edge."""

    reason = text_area("Why?", "Stored permanently with your name.", limit=500)
