"""Forms of check runs and of the keys that sign external results."""

from __future__ import annotations

from django import forms

from console.shell.forms import ConsoleForm, text_area


class OptionalReasonForm(ConsoleForm):
    """Cancel a check or revoke a key; a reason is optional."""

    reason = text_area("Why?", required=False, limit=500, rows=2)


class CheckKeyForm(ConsoleForm):
    """Add a public key that may sign results of external checks."""

    name = forms.CharField(
        label="Name",
        max_length=100,
        help_text="Policies refer to the key by this name. Lower-case letters, digits, dots and dashes.",
    )
    public_key = forms.CharField(
        label="Public key",
        max_length=200,
        help_text="An Ed25519 key: 32 bytes in base64. The private key stays with the signer.",
    )
    note = forms.CharField(label="Who has the private key?", required=False, max_length=500)
