"""Forms that create, change and test a webhook."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from console.shell.forms import ConsoleForm
from webhooks.databricks import EVENTS as DATABRICKS_EVENTS
from webhooks.events import EVENTS, GOVERNANCE
from webhooks.models import Webhook, WebhookFormat
from webhooks.queries import events_of


class WebhookForm(ConsoleForm):
    """Create or change a webhook. It offers the events of the webhook's format."""

    name = forms.CharField(label="Name", max_length=63, help_text="Letters, digits, dots, hyphens, underscores.")
    url = forms.CharField(
        label="Address",
        max_length=2048,
        help_text="An https address on the public internet. An operator can allow receivers on the private network.",
    )
    description = forms.CharField(
        label="Purpose", required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 2})
    )
    model = forms.CharField(
        label="Model",
        required=False,
        max_length=256,
        help_text="Only events of this model are sent. Only operators can leave it empty, for all models. It cannot be changed later.",
    )
    events = forms.MultipleChoiceField(
        label="Events", widget=forms.CheckboxSelectMultiple, error_messages={"required": "Choose at least one event."}
    )
    cloud_events = forms.BooleanField(
        label="Send events as CloudEvents 1.0",
        required=False,
        help_text="For receivers such as Knative and EventBridge. Otherwise messages are those of MLflow's webhooks.",
    )
    status = forms.ChoiceField(label="State", initial="ACTIVE")
    sign = forms.BooleanField(label="Sign messages with a secret that is shown once", required=False, initial=True)

    def __init__(self, data: QueryDict | None = None, *, webhook: Webhook | None = None) -> None:
        databricks = webhook is not None and webhook.format == WebhookFormat.DATABRICKS
        initial = {}
        if webhook is not None:
            initial = {
                name: getattr(webhook, name) for name in ("name", "url", "description", "status", "cloud_events")
            }
            initial["events"] = events_of(webhook)
        super().__init__(data, initial=initial)
        if webhook is not None:
            del self.fields["model"], self.fields["sign"]
        if databricks:
            del self.fields["cloud_events"]
        states = {"ACTIVE": "Active", "DISABLED": "Disabled: nothing is sent"}
        if databricks:
            states["TEST_MODE"] = "Tests only"
        groups = {"Events": sorted(DATABRICKS_EVENTS)} if databricks else _grouped_events()
        self.fields["events"].choices = [  # type: ignore[attr-defined]  # a choice field
            (title, [(event, event) for event in events]) for title, events in groups.items()
        ]
        self.fields["status"].choices = list(states.items())  # type: ignore[attr-defined]  # the same


def _grouped_events() -> dict[str, list[str]]:
    """Return MLflow's and Custody's events by group."""
    prompts = [event for event in EVENTS if event.startswith("prompt")]
    models = [event for event in EVENTS if event not in GOVERNANCE and event not in prompts]
    return {
        "Requests and stages": [event for event in EVENTS if event in GOVERNANCE],
        "Models": models,
        "Prompts": prompts,
    }


class WebhookTestForm(ConsoleForm):
    """Choose the event whose example is sent."""

    event = forms.ChoiceField(label="Event")

    def __init__(self, data: QueryDict | None = None, *, webhook: Webhook) -> None:
        super().__init__(data)
        self.fields["event"].choices = [(event, event) for event in events_of(webhook)]  # type: ignore[attr-defined]  # a choice field
