"""The forms of a person's own pages: tokens, delegations, chat address, password."""

from __future__ import annotations

from django import forms

from console.shell.forms import ConsoleForm
from notices.models import ChatFormat


class TokenForm(ConsoleForm):
    """Issue an API token to oneself."""

    label = forms.CharField(
        label="Name",
        max_length=100,
        help_text="What will use it, such as “training on gpu-3”. It helps you to know which to revoke.",
    )
    days = forms.TypedChoiceField(
        label="Lives for",
        coerce=int,
        initial=30,
        choices=[(1, "1 day"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year")],
    )
    scopes = forms.MultipleChoiceField(
        label="May be used to",
        choices=[
            ("registry:read", "read models, runs and lineage"),
            ("registry:write", "log runs, register versions, ask for promotions"),
            ("audit:export", "export audit evidence"),
        ],
        initial=["registry:read", "registry:write"],
        widget=forms.CheckboxSelectMultiple,
        help_text="No token can approve a request: that takes a signed-in person.",
    )


class DelegationForm(ConsoleForm):
    """Lend one's say to somebody else."""

    delegate = forms.CharField(
        label="To", max_length=150, help_text="Their user name. A service account never decides."
    )
    models_pattern = forms.CharField(
        label="For the models",
        max_length=256,
        initial="*",
        help_text="A name, or a pattern with * and ?: fraud_* for all that start so, * for all.",
    )
    starts_on = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}), help_text="UTC. Empty: from now."
    )
    ends_on = forms.DateField(
        label="Until the end of", widget=forms.DateInput(attrs={"type": "date"}), help_text="UTC. At most 90 days."
    )
    reason = forms.CharField(
        label="Why", max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept in the audit log."
    )


class ChatForm(ConsoleForm):
    """Where one is told in chat."""

    form = forms.ChoiceField(label="Chat", choices=ChatFormat.choices)
    url = forms.CharField(
        label="Address of the incoming webhook",
        max_length=2048,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Kept encrypted and never shown again: whoever has it can write there.",
    )


class PasswordForm(ConsoleForm):
    """Give one's password again."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="Asked again, so that an unlocked screen is not enough. Starting a session ends an earlier one.",
    )
