"""Webhooks: the list, one with its log, making, changing, testing and ending one, and a new secret that is shown once."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Max, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from console.shell.dialogs import Dialog, run_dialog
from console.shell.forms import ConsoleForm
from console.shell.pages import Crumb, denied_message, go_to, page, paginate, render_page
from console.webhooks.forms import WebhookForm, WebhookTestForm
from core.actors import Actor
from core.errors import DomainError, NotFound
from webhooks.models import DeliveryState, Subscription, Webhook, WebhookFormat
from webhooks.permissions import is_operator, visible_webhooks
from webhooks.queries import events_of
from webhooks.services.webhooks import HttpSpec, create_webhook, delete_webhook, send_test, update_webhook

_SECRET_BYTES = 32


@page
def webhook_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the webhooks this person may see, with how they fare."""
    rows = _rows(actor).annotate(
        failed=Count("deliveries", filter=Q(deliveries__state=DeliveryState.FAILED)),
        last_at=Max("deliveries__created_at"),
    )
    shown = paginate(request, rows.order_by("-created_at", "id"))
    return render_page(
        request, "console/webhooks/webhooks.html", "Webhooks", rows=shown, is_operator=is_operator(actor)
    )


@page
def detail(request: HttpRequest, actor: Actor, webhook_id: str) -> HttpResponse:
    """Show one webhook and the log of what was sent to it."""
    return _detail(request, _found(actor, webhook_id))


@page
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Make a webhook; the secret that its deliveries are signed with is in this answer and nowhere else."""
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given, secret = form.cleaned_data, ""
        if given["sign"]:
            secret = secrets.token_urlsafe(_SECRET_BYTES)
        try:
            made = create_webhook(
                actor=actor,
                name=given["name"],
                url=given["url"],
                events=given["events"],
                description=given["description"],
                secret=secret,
                status=given["status"],
                model_name=given["model"],
            )
            return _detail(request, _found(actor, made.pk), secret=secret)
        except DomainError as error:
            form.add_error(None, denied_message(actor, error))
    return _form_page(request, "New webhook", form, cancel=reverse("console:webhooks"), submit="Make webhook")


@page
def edit(request: HttpRequest, actor: Actor, webhook_id: str) -> HttpResponse:
    """Change a webhook. Who names another address vouches for it from then on."""
    webhook = _found(actor, webhook_id)
    form = WebhookForm(request.POST or None, webhook=webhook)
    back = reverse("console:webhook", args=[webhook.pk])
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            update_webhook(
                actor=actor,
                webhook_id=webhook.pk,
                name=given["name"],
                url=given["url"] if given["url"] != webhook.url else None,
                events=given["events"],
                description=given["description"],
                status=given["status"],
                spec=_spec_of(webhook),
                exactly=True,
            )
        except DomainError as error:
            form.add_error(None, denied_message(actor, error))
        else:
            messages.success(request, f"{given['name']} is changed.")
            return go_to(request, back)
    return _form_page(request, f"Edit {webhook.name}", form, cancel=back, submit="Save", webhook=webhook)


@page
def test(request: HttpRequest, actor: Actor, webhook_id: str) -> HttpResponse:
    """Send a signed sample now and say what came of it."""
    webhook = _found(actor, webhook_id)
    form = WebhookTestForm(request.POST or None, webhook=webhook)

    def act() -> str:
        answer = send_test(
            actor=actor, webhook_id=webhook.pk, event=form.cleaned_data["event"], wire=WebhookFormat(webhook.format)
        )
        if answer.is_success:
            messages.success(request, f"The receiver answered {answer.status}.")
        else:
            messages.error(request, answer.error or f"The receiver answered {answer.status}.")
        return reverse("console:webhook", args=[webhook.pk])

    words = "A sample, marked by its made-up names, goes out at once and signed as real ones are. It is not in the log."
    return _ask(request, actor, webhook, form, title=f"Test {webhook.name}", description=words, submit="Send", act=act)


@page
def renew_secret(request: HttpRequest, actor: Actor, webhook_id: str) -> HttpResponse:
    """Replace the secret by a new one, shown in this answer and nowhere else."""
    webhook = _found(actor, webhook_id)
    if request.method == "POST":
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        update_webhook(actor=actor, webhook_id=webhook.pk, secret=secret, spec=_spec_of(webhook))
        return _detail(request, _found(actor, webhook.pk), secret=secret)
    words = "From then on everything is signed with the new one, what waits to be sent again too. The old one cannot be had back."
    dialog = {"title": f"New secret for {webhook.name}", "description": words}
    context: dict[str, Any] = {"dialog": dialog, "form": ConsoleForm(), "form_submit_text": "Make a new secret"}
    return render_page(request, "console/shell/dialog.html", "New secret", crumbs=_crumbs(webhook), **context)


@page
def delete(request: HttpRequest, actor: Actor, webhook_id: str) -> HttpResponse:
    """End a webhook."""
    webhook = _found(actor, webhook_id)

    def act() -> str:
        delete_webhook(actor=actor, webhook_id=webhook.pk, wire=WebhookFormat(webhook.format))
        messages.success(request, f"{webhook.name} is deleted.")
        return reverse("console:webhooks")

    words = "Nothing more is sent, and its secret is forgotten. The log of what was sent stays."
    form = ConsoleForm(request.POST if request.method == "POST" else None)
    title = f"Delete {webhook.name}"
    return _ask(request, actor, webhook, form, title=title, description=words, submit="Delete", act=act)


def _rows(actor: Actor) -> QuerySet[Webhook]:
    subscriptions = Prefetch("subscriptions", Subscription.objects.order_by("pk"))
    return visible_webhooks(actor).select_related("model", "owner").prefetch_related(subscriptions)


def _found(actor: Actor, webhook_id: str) -> Webhook:
    row = _rows(actor).filter(pk=webhook_id).first()
    if row is None:
        raise NotFound("There is no such webhook.")
    return row


def _spec_of(webhook: Webhook) -> HttpSpec | None:
    return HttpSpec() if webhook.format == WebhookFormat.DATABRICKS else None


def _detail(request: HttpRequest, webhook: Webhook, *, secret: str = "") -> HttpResponse:
    log = paginate(request, webhook.deliveries.order_by("-created_at", "id"))
    return render_page(
        request,
        "console/webhooks/webhook.html",
        webhook.name,
        crumbs=_crumbs(),
        webhook=webhook,
        events=events_of(webhook),
        rows=log,
        secret=secret,
    )


def _form_page(
    request: HttpRequest, title: str, form: WebhookForm, *, cancel: str, submit: str, webhook: Webhook | None = None
) -> HttpResponse:
    status = 400 if form.errors else 200
    return render_page(
        request,
        "console/webhooks/webhook_edit.html",
        title,
        crumbs=_crumbs(webhook),
        status=status,
        form=form,
        cancel=cancel,
        submit=submit,
        lead=_LEAD if webhook is None else "",
    )


_LEAD = (
    "An address that is told of what happens here: signed messages in MLflow's format, tried again for about six hours."
)


def _ask(
    request: HttpRequest, actor: Actor, webhook: Webhook, form: forms.Form, *, act: Callable[[], str], **words: str
) -> HttpResponse:
    return run_dialog(request, actor, Dialog(**words), form, act, crumbs=_crumbs(webhook))


def _crumbs(webhook: Webhook | None = None) -> list[Crumb]:
    crumbs = [Crumb("Webhooks", reverse("console:webhooks"))]
    if webhook is not None:
        crumbs.append(Crumb(webhook.name, reverse("console:webhook", args=[webhook.pk])))
    return crumbs
