"""Webhooks: the list, the page of one with its deliveries, its form, and the dialogs that test and delete it."""

from __future__ import annotations

import secrets
import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from console.shell.dialogs import Dialog, run_dialog, show_dialog, submitted
from console.shell.forms import ConsoleForm
from console.shell.pages import Crumb, denied_message, go_to, page, paginate, render_page
from console.webhooks.forms import WebhookForm, WebhookTestForm
from console.webhooks.queries import find_webhook, webhook_rows
from core.actors import Actor
from core.errors import DomainError
from webhooks.models import Webhook, WebhookFormat
from webhooks.permissions import get_delivery, is_operator
from webhooks.queries import events_of
from webhooks.services.deliveries import send_again
from webhooks.services.webhooks import HttpSpec, create_webhook, delete_webhook, send_test, update_webhook

_SECRET_BYTES = 32
_NEW_LEAD = (
    "A webhook sends signed messages about events to an address, in MLflow's format. "
    "A message that cannot be delivered is tried again for about six hours."
)


@page
def webhook_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the webhooks this person may see."""
    rows = paginate(request, webhook_rows(actor))
    return render_page(request, "console/webhooks/webhooks.html", "Webhooks", rows=rows, is_operator=is_operator(actor))


@page
def detail(request: HttpRequest, actor: Actor, webhook_id: str) -> HttpResponse:
    """Show one webhook with its deliveries."""
    return _detail(request, find_webhook(actor, webhook_id))


@page
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Create a webhook. The secret that signs its messages is in this response and nowhere else."""
    form = WebhookForm(submitted(request))
    if form.is_valid():
        cleaned = form.cleaned_data
        secret = secrets.token_urlsafe(_SECRET_BYTES) if cleaned["sign"] else ""
        try:
            webhook = create_webhook(
                actor=actor,
                name=cleaned["name"],
                url=cleaned["url"],
                events=cleaned["events"],
                description=cleaned["description"],
                secret=secret,
                status=cleaned["status"],
                model_name=cleaned["model"],
                cloud_events=cleaned["cloud_events"],
            )
            return _detail(request, find_webhook(actor, webhook.pk), secret=secret)
        except DomainError as error:
            form.add_error(None, denied_message(actor, error))
    return _form_page(request, form, title="New webhook", lead=_NEW_LEAD, submit="Create webhook")


@page
def edit(request: HttpRequest, actor: Actor, webhook_id: str) -> HttpResponse:
    """Change a webhook. A person who enters another address becomes its owner."""
    webhook = find_webhook(actor, webhook_id)
    form = WebhookForm(submitted(request), webhook=webhook)
    if form.is_valid():
        cleaned = form.cleaned_data
        try:
            update_webhook(
                actor=actor,
                webhook_id=webhook.pk,
                name=cleaned["name"],
                url=cleaned["url"] if cleaned["url"] != webhook.url else None,
                events=cleaned["events"],
                description=cleaned["description"],
                status=cleaned["status"],
                cloud_events=cleaned.get("cloud_events"),
                spec=_spec_of(webhook),
                exactly=True,
            )
        except DomainError as error:
            form.add_error(None, denied_message(actor, error))
        else:
            messages.success(request, f"The webhook {cleaned['name']} is changed.")
            return go_to(request, _page_of(webhook))
    return _form_page(request, form, title=f"Edit {webhook.name}", submit="Save webhook", webhook=webhook)


@page
def test(request: HttpRequest, actor: Actor, webhook_id: str) -> HttpResponse:
    """Send a signed test message in a dialog, and show the receiver's answer."""
    webhook = find_webhook(actor, webhook_id)
    form = WebhookTestForm(submitted(request), webhook=webhook)

    def act() -> str:
        answer = send_test(
            actor=actor, webhook_id=webhook.pk, event=form.cleaned_data["event"], wire=WebhookFormat(webhook.format)
        )
        if answer.is_success:
            messages.success(request, f"The receiver answered {answer.status}.")
        else:
            messages.error(request, answer.error or f"The receiver answered {answer.status}.")
        return _page_of(webhook)

    dialog = Dialog(
        title=f"Test {webhook.name}",
        description=f"A message with example names is sent to {webhook.url} at once, signed like a real one. "
        "It is not listed with the deliveries.",
        submit="Send test message",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(webhook))


@page
def renew_secret(request: HttpRequest, actor: Actor, webhook_id: str) -> HttpResponse:
    """Replace the secret by a new one, which is in the response to the POST and nowhere else."""
    webhook = find_webhook(actor, webhook_id)
    if request.method == "POST":
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        update_webhook(actor=actor, webhook_id=webhook.pk, secret=secret, spec=_spec_of(webhook))
        return _detail(request, find_webhook(actor, webhook.pk), secret=secret)
    dialog = Dialog(
        title=f"Replace the secret of {webhook.name}",
        description="From then on all messages are signed with the new secret, also those that are tried again. The "
        f"receiver at {webhook.url} refuses them until it has the new secret. The old secret cannot be restored.",
        submit="Replace secret",
        tone="is-bad",
    )
    return show_dialog(request, dialog, ConsoleForm(), _crumbs(webhook))


@page
def delete(request: HttpRequest, actor: Actor, webhook_id: str) -> HttpResponse:
    """Delete a webhook in a dialog."""
    webhook = find_webhook(actor, webhook_id)

    def act() -> str:
        delete_webhook(actor=actor, webhook_id=webhook.pk, wire=WebhookFormat(webhook.format))
        messages.success(request, f"The webhook {webhook.name} is deleted.")
        return reverse("console:webhooks")

    dialog = Dialog(
        title=f"Delete {webhook.name}",
        description=f"{webhook.url} gets no more messages, and the secret is deleted. The list of deliveries stays.",
        submit="Delete webhook",
        tone="is-bad",
    )
    return run_dialog(request, actor, dialog, ConsoleForm(submitted(request)), act, crumbs=_crumbs(webhook))


@page
def delivery_send_again(request: HttpRequest, actor: Actor, delivery_id: uuid.UUID) -> HttpResponse:
    """Send a finished delivery again, in a dialog."""
    delivery = get_delivery(actor, delivery_id)

    def act() -> str:
        send_again(actor=actor, delivery_id=delivery.pk)
        messages.success(request, f"The delivery of {delivery.event} is queued again.")
        return reverse("admin:webhooks_delivery_change", args=[delivery.pk])

    dialog = Dialog(
        title=f"Send {delivery.event} again",
        description=f"The same message goes to {delivery.webhook.url}, with the same id: receivers that have it ignore it.",
        submit="Send again",
    )
    return run_dialog(request, actor, dialog, ConsoleForm(submitted(request)), act, crumbs=_crumbs(delivery.webhook))


def _spec_of(webhook: Webhook) -> HttpSpec | None:
    return HttpSpec() if webhook.format == WebhookFormat.DATABRICKS else None


def _page_of(webhook: Webhook) -> str:
    return reverse("console:webhook", args=[webhook.pk])


def _detail(request: HttpRequest, webhook: Webhook, *, secret: str = "") -> HttpResponse:
    return render_page(
        request,
        "console/webhooks/webhook.html",
        webhook.name,
        crumbs=_crumbs(),
        webhook=webhook,
        events=events_of(webhook),
        rows=paginate(request, webhook.deliveries.order_by("-created_at", "id")),
        secret=secret,
    )


def _form_page(
    request: HttpRequest, form: WebhookForm, *, title: str, submit: str, lead: str = "", webhook: Webhook | None = None
) -> HttpResponse:
    return render_page(
        request,
        "console/webhooks/webhook_edit.html",
        title,
        crumbs=_crumbs(webhook),
        status=400 if form.errors else 200,
        form=form,
        cancel=_page_of(webhook) if webhook else reverse("console:webhooks"),
        submit=submit,
        lead=lead,
    )


def _crumbs(webhook: Webhook | None = None) -> list[Crumb]:
    crumbs = [Crumb("Webhooks", reverse("console:webhooks"))]
    return [*crumbs, Crumb(webhook.name, _page_of(webhook))] if webhook else crumbs
