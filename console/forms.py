"""The forms of the console's dialogs and pages. They check shape only; what is allowed is the services' word."""

from __future__ import annotations

from django import forms
from django.forms.boundfield import BoundField
from django.http import QueryDict

from registry.cards import FIELDS
from registry.models import CardRevision
from registry.permissions import LEVEL_WORDS, Level, PrincipalKind
from registry.services.cards import MAX_FIELD
from webhooks.databricks import EVENTS as DATABRICKS_EVENTS
from webhooks.events import EVENTS, GOVERNANCE
from webhooks.models import Webhook, WebhookFormat
from webhooks.queries import events_of


def _dress(form: forms.Form) -> None:
    for name, field in form.fields.items():
        if isinstance(field.widget, (forms.CheckboxInput, forms.HiddenInput, forms.CheckboxSelectMultiple)):
            continue
        field.widget.attrs.setdefault("class", "c-input")
        if field.help_text:
            field.widget.attrs.setdefault("aria-describedby", f"id_{name}_helptext")


class ConsoleForm(forms.Form):
    """A form in the console's dress."""

    use_required_attribute = False

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments, passed through
        _dress(self)

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


class PasswordForm(ConsoleForm):
    """Give one's password again."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="Asked again, so that an unlocked screen is not enough. Starting a session ends an earlier one.",
    )


class GrantForm(ConsoleForm):
    """Give somebody a level on a model."""

    kind = forms.ChoiceField(
        label="To whom",
        choices=[("user", "a person"), ("service", "a service account"), ("group", "a group")],
    )
    name = forms.CharField(label="Name", max_length=150, help_text="The user name, or the name of the group.")
    level = forms.TypedChoiceField(
        label="May",
        coerce=lambda value: Level(int(value)),
        choices=[(int(level), words) for level, words in LEVEL_WORDS.items()],
        help_text="Each includes those before it. It replaces the level they had.",
    )


class RevokeForm(ConsoleForm):
    """Take somebody's level away."""

    kind = forms.ChoiceField(choices=[(str(kind), str(kind)) for kind in PrincipalKind], widget=forms.HiddenInput)
    name = forms.CharField(max_length=150, widget=forms.HiddenInput)


class WebhookForm(ConsoleForm):
    """Make or change a webhook. ``events`` are those of its format."""

    name = forms.CharField(label="Name", max_length=63, help_text="Letters, digits, dots, hyphens, underscores.")
    url = forms.CharField(
        label="Address", max_length=2048, help_text="https, on a public address unless the operator allows others."
    )
    description = forms.CharField(
        label="What for", required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 2})
    )
    model = forms.CharField(
        label="Only for the model",
        required=False,
        max_length=256,
        help_text="Its name. Empty: for every model, which takes an operator. It cannot be changed later.",
    )
    events = forms.MultipleChoiceField(
        label="Is told of", widget=forms.CheckboxSelectMultiple, error_messages={"required": "Choose at least one."}
    )
    status = forms.ChoiceField(label="State", initial="ACTIVE")
    sign = forms.BooleanField(label="Sign what is sent, with a secret that is shown once", required=False, initial=True)

    def __init__(self, data: QueryDict | None = None, *, webhook: Webhook | None = None) -> None:
        databricks = webhook is not None and webhook.format == WebhookFormat.DATABRICKS
        initial = {}
        if webhook is not None:
            initial = {name: getattr(webhook, name) for name in ("name", "url", "description", "status")}
            initial["events"] = events_of(webhook)
        super().__init__(data, initial=initial)
        if webhook is not None:
            del self.fields["model"], self.fields["sign"]
        words = {"ACTIVE": "Active", "DISABLED": "Disabled: nothing is sent"}
        if databricks:
            words["TEST_MODE"] = "Tests only"
        groups = {"Events": sorted(DATABRICKS_EVENTS)} if databricks else _grouped_events()
        self.fields["events"].choices = [  # type: ignore[attr-defined]  # a choice field
            (title, [(event, event) for event in events]) for title, events in groups.items()
        ]
        self.fields["status"].choices = list(words.items())  # type: ignore[attr-defined]  # the same


def _grouped_events() -> dict[str, list[str]]:
    """Return MLflow's events and ours, grouped as people look for them."""
    prompts = [event for event in EVENTS if event.startswith("prompt")]
    models = [event for event in EVENTS if event not in GOVERNANCE and event not in prompts]
    return {
        "Requests and stages": [event for event in EVENTS if event in GOVERNANCE],
        "Models": models,
        "Prompts": prompts,
    }


class WebhookTestForm(ConsoleForm):
    """Which event's sample to send."""

    event = forms.ChoiceField(label="As if this happened")

    def __init__(self, data: QueryDict | None = None, *, webhook: Webhook) -> None:
        super().__init__(data)
        self.fields["event"].choices = [(event, event) for event in events_of(webhook)]  # type: ignore[attr-defined]  # a choice field


class CardForm(ConsoleForm):
    """The human fields of a model card. ``number`` is the revision that was read, so that no edit is lost."""

    number = forms.IntegerField(widget=forms.HiddenInput)
    # A card may be saved half written, but a promotion asks for every field: none is marked as optional.
    asked_for = True

    def __init__(self, data: QueryDict | None = None, *, card: CardRevision) -> None:
        super().__init__(data, initial={"number": card.number})
        for field in FIELDS:
            if field.human:
                self.fields[field.key] = forms.CharField(
                    label=field.title,
                    help_text=field.help,
                    required=False,
                    max_length=MAX_FIELD,
                    initial=(card.body.get(field.key) or {}).get("value", ""),
                    widget=forms.Textarea(attrs={"rows": 5}),
                )
        _dress(self)
