"""The forms of the console's dialogs and pages. They check shape only; what is allowed is the services' word."""

from __future__ import annotations

from django import forms
from django.forms.boundfield import BoundField

from notices.models import ChatFormat


def dress(form: forms.Form) -> None:
    """Give every field the console's look, those added later too."""
    for name, field in form.fields.items():
        if isinstance(
            field.widget, (forms.CheckboxInput, forms.HiddenInput, forms.CheckboxSelectMultiple, forms.RadioSelect)
        ):
            continue
        field.widget.attrs.setdefault("class", "c-input")
        if field.help_text:
            field.widget.attrs.setdefault("aria-describedby", f"id_{name}_helptext")


class ConsoleForm(forms.Form):
    """A form in the console's dress."""

    use_required_attribute = False

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments, passed through
        dress(self)

    def dress(self) -> None:
        """Dress fields that were added after the form was made."""
        dress(self)

    def visible(self) -> list[BoundField]:
        """Return the fields a person sees."""
        return self.visible_fields()


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


class CommentForm(ConsoleForm):
    """Say something, or answer."""

    text = forms.CharField(max_length=65_535, widget=forms.Textarea(attrs={"rows": 3}))
    reply_to = forms.IntegerField(required=False, widget=forms.HiddenInput)


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


class ReasonForm(ConsoleForm):
    """Why something is done, which is kept."""

    reason = forms.CharField(
        label="Why?",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept for good. Whoever is stopped by this reads it.",
    )


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
