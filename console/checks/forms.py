"""The forms of cancelling a check and of keys for external results."""

from __future__ import annotations

from django import forms

from console.shell.forms import ConsoleForm


class CancelForm(ConsoleForm):
    """Why a check is cancelled; a word is welcome."""

    reason = forms.CharField(label="Why?", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))


class CheckKeyForm(ConsoleForm):
    """A public key that may sign results of external checks."""

    name = forms.CharField(
        label="Name", max_length=100, help_text="As policies will name it: lower-case letters, digits, dots, dashes."
    )
    public_key = forms.CharField(
        label="Public key",
        max_length=200,
        help_text="Ed25519: its 32 bytes in base64. The secret half stays with who signs.",
    )
    note = forms.CharField(label="Whose is it?", required=False, max_length=500)
