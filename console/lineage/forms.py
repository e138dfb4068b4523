"""Forms of the quarantine of dataset versions."""

from __future__ import annotations

from console.shell.forms import ConsoleForm, text_area


class ReasonForm(ConsoleForm):
    """Say why a dataset version is quarantined or released."""

    reason = text_area("Why?", "Kept for good with your name. People whose promotion is blocked read it.", limit=1000)
