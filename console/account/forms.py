"""Forms of a person's own account: tokens, passkeys, delegations, the chat address, the password."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from accounts.oidc.configuration import IdentityProvider
from console.account.identity import IdentityCheck
from console.shell.forms import ConsoleForm
from notices.models import ChatFormat


class TokenForm(ConsoleForm):
    """Issue an API token."""

    label = forms.CharField(
        label="Name",
        max_length=100,
        help_text="What uses the token, such as “training on gpu-3”. It tells you later which token to revoke.",
    )
    days = forms.TypedChoiceField(
        label="Valid for",
        coerce=int,
        initial=30,
        choices=[(1, "1 day"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year")],
    )
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        choices=[
            ("registry:read", "Read models, runs and lineage"),
            ("registry:write", "Log runs, register versions, request promotions"),
            ("audit:export", "Export audit evidence"),
        ],
        initial=["registry:read", "registry:write"],
        widget=forms.CheckboxSelectMultiple,
        help_text="No token can approve a request. Only a person who is signed in can.",
    )


class DelegationForm(ConsoleForm):
    """Delegate review rights to somebody else."""

    delegate = forms.CharField(
        label="To", max_length=150, help_text="The username of a person. Service accounts cannot review."
    )
    models_pattern = forms.CharField(
        label="Models",
        max_length=256,
        initial="*",
        help_text="A name, or a pattern with * and ?. fraud_* matches every name that starts with fraud_, and * matches all.",
    )
    starts_on = forms.DateField(
        label="From",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="UTC. Leave empty to start now.",
    )
    ends_on = forms.DateField(
        label="Until the end of", widget=forms.DateInput(attrs={"type": "date"}), help_text="UTC. At most 90 days."
    )
    reason = forms.CharField(
        label="Why", max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept in the audit log."
    )


class ChatForm(ConsoleForm):
    """The chat that receives a person's notifications."""

    form = forms.ChoiceField(label="Chat", choices=ChatFormat.choices)
    url = forms.CharField(
        label="Address of the incoming webhook",
        max_length=2048,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Stored encrypted and never shown again, because whoever has it can write to the channel.",
    )


class PasskeyForm(ConsoleForm):
    """Begin to add a passkey: its name, and the password or the proof by an identity provider."""

    name = forms.CharField(
        label="Name", max_length=100, help_text="The device or key, such as “blue YubiKey”. It is in the audit log."
    )
    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="Needed even though you are signed in, so that an unlocked screen is not enough.",
    )

    def __init__(self, data: Any = None, *, identity: IdentityCheck) -> None:
        super().__init__(data)
        if not identity.by_password:
            del self.fields["password"]
            self.fields["identity"] = identity.field()
            self.style_fields()


class NewPasskeyForm(forms.Form):
    """The answer of the browser that made a passkey, and the token of the addition."""

    passkey_token = forms.CharField(max_length=2000)
    passkey_answer = forms.CharField(max_length=20_000)


class PasswordForm(ConsoleForm):
    """Confirm the password before an approval session starts."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="Needed even though you are signed in, so that an unlocked screen is not enough. An earlier session ends.",
    )


class IdentityForm(ConsoleForm):
    """Start an approval session with a proof by an identity provider, in place of the password."""

    def __init__(self, data: Any = None, *, identity: IdentityCheck) -> None:
        super().__init__(data)
        self.fields["identity"] = identity.field()
        self.style_fields()


class LinkForm(ConsoleForm):
    """Link the account to an identity provider, with the password."""

    provider = forms.ChoiceField(label="Identity provider")
    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="You then sign in at the provider.",
    )

    def __init__(self, data: Any = None, *, providers: Sequence[IdentityProvider]) -> None:
        super().__init__(data)
        choices = [(provider.id, provider.name) for provider in providers]
        self.fields["provider"].widget.choices = self.fields["provider"].choices = choices  # type: ignore[attr-defined]  # of a choice field
