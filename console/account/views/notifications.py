"""Notifications: the list, and the settings of how a person receives them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from console.account.forms import ChatForm
from console.account.queries import unread_count
from console.shell.pages import Crumb, denied_message, page, paginate, render_page
from core.actors import Actor
from core.errors import DomainError
from notices.models import Channel
from notices.preferences import chat_address_of, table_of
from notices.queries import notices_of
from notices.services.reading import (
    choose_notices,
    mark_all_read,
    mark_read,
    remove_chat_address,
    set_chat_address,
)
from notices.services.testing import send_test, why_not_send


@require_safe
@page
def notifications(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List a person's notifications, newest first."""
    rows = paginate(request, notices_of(actor))
    return render_page(
        request, "console/account/notifications.html", "Notifications", rows=rows, unread=unread_count(request)
    )


@page
@require_POST
def notification_open(request: HttpRequest, actor: Actor, notice_id: int) -> HttpResponse:  # noqa: ARG001 - a view's signature
    """Mark a notification as read and go to the page it is about."""
    return redirect(mark_read(actor=actor, notice_id=notice_id).path)


@page
@require_POST
def notifications_read(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Mark all notifications as read."""
    count = mark_all_read(actor=actor)
    messages.success(request, f"{count} notification{'' if count == 1 else 's'} marked as read.")
    return redirect("console:notifications")


@page
def notification_settings(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show and change which notifications a person receives on which channel."""
    user = User.objects.get(username=actor.name)
    if request.method == "POST":
        choices = [tuple(value.split("/", 1)) for value in request.POST.getlist("wanted") if "/" in value]
        choose_notices(actor=actor, choices={(topic, channel) for topic, channel in choices})
        messages.success(request, "Your notification settings are saved.")
        return redirect("console:notification_settings")
    return _settings_page(request, user, ChatForm())


@page
@require_POST
def chat_address(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Set the chat that receives notifications, or with ``remove`` remove it."""
    if "remove" in request.POST:
        remove_chat_address(actor=actor)
        messages.success(request, "You no longer receive notifications in chat.")
        return redirect("console:notification_settings")
    form = ChatForm(request.POST)
    if form.is_valid():
        try:
            row = set_chat_address(actor=actor, url=form.cleaned_data["url"], form=form.cleaned_data["form"])
        except DomainError as error:
            form.add_error("url", denied_message(actor, error))
        else:
            messages.success(request, f"You receive notifications in the chat at {row.host}.")
            return redirect("console:notification_settings")
    return _settings_page(request, User.objects.get(username=actor.name), form)


@page
@require_POST
def notification_test(request: HttpRequest, actor: Actor, channel: str) -> HttpResponse:
    """Send a test notification by e-mail or chat now, and show whether it was sent."""
    try:
        outcome = send_test(actor=actor, channel=channel)
    except DomainError as error:
        messages.error(request, denied_message(actor, error))
    else:
        if outcome.sent:
            messages.success(request, f"A test notification was sent by {_CHANNELS[channel]}.")
        else:
            messages.error(request, f"The test notification could not be sent by {_CHANNELS[channel]}. {outcome.error}")
    return redirect("console:notification_settings")


_CHANNELS = {Channel.EMAIL.value: "e-mail", Channel.CHAT.value: "chat"}


def _settings_page(request: HttpRequest, user: User, form: ChatForm) -> HttpResponse:
    return render_page(
        request,
        "console/account/notification_settings.html",
        "Notification settings",
        crumbs=[Crumb("Notifications", reverse("console:notifications"))],
        table=table_of(user),
        email=user.email,
        no_email=why_not_send(user, Channel.EMAIL),
        chat=chat_address_of(user),
        form=form,
    )
