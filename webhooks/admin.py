"""Webhooks and their deliveries in the admin, read-only. Only the pages of the console change them."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from accounts.authentication import actor_from_request
from audit.admin import ReadOnlyAdmin
from webhooks.models import Delivery, Webhook
from webhooks.permissions import visible_deliveries, visible_webhooks
from webhooks.queries import events_of

MAX_SHOWN = 20_000  # characters of a message
NBSP = "\N{NO-BREAK SPACE}"
STATUS_COLOURS = {"ACTIVE": "success", "DISABLED": "warning", "TEST_MODE": "info"}
STATE_COLOURS = {"pending": "info", "delivered": "success", "failed": "danger"}


class _ReadableAdmin(ReadOnlyAdmin):
    """An admin that everybody who is signed in may open. The queries limit the rows to what the person may see."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the person is signed in."""
        return admin.site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the person is signed in; the queryset limits what they see."""
        return admin.site.has_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list under the console's title."""
        title = str(self.opts.verbose_name_plural).capitalize()
        response: HttpResponse = super().changelist_view(
            request, {"title": title, "crumbs": [], **(extra_context or {})}
        )
        return response


@admin.register(Webhook)
class WebhookAdmin(_ReadableAdmin):
    """Webhooks, read-only."""

    list_display = ["name", "host", "shown_events", "shown_status", "scope", "created_by", "created_at"]
    list_filter = ["status"]
    list_select_related = ["model"]
    search_fields = ["name", "description"]
    ordering = ["-created_at"]
    fields = [
        *("name", "description", "url", "format", "shown_events", "shown_status", "scope", "is_signed", "verify_tls"),
        "cloud_events",
        *("created_by", "created_at", "updated_at", "failures", "quiet_until", "log"),
    ]
    readonly_fields = ["shown_events", "shown_status", "scope", "is_signed", "log"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        """Return the rows this person may see. Raises NotAuthenticated."""
        return visible_webhooks(actor_from_request(request)).select_related("model").prefetch_related("subscriptions")

    @admin.display(description="Host")
    def host(self, row: Webhook) -> str:
        """Return the host of the address."""
        return urlsplit(row.url).netloc

    @admin.display(description="Events")
    def shown_events(self, row: Webhook) -> str:
        """Return the events of the webhook."""
        return ", ".join(events_of(row))

    @display(description="Status", ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]  # unfold has no types
    def shown_status(self, row: Webhook) -> str:
        """Return the status as a coloured label."""
        return str(row.status)

    @admin.display(description="Models")
    def scope(self, row: Webhook) -> str:
        """Return the name of the webhook's model, or `every model`."""
        return row.model.name if row.model else "every model"

    @admin.display(description="Signed", boolean=True)
    def is_signed(self, row: Webhook) -> bool:
        """Return whether messages are signed."""
        return bool(row.sealed_secret)

    @admin.display(description="Deliveries")
    def log(self, row: Webhook) -> SafeString:
        """Return a link to the deliveries of the webhook."""
        url = f"{reverse('admin:webhooks_delivery_changelist')}?{urlencode({'webhook__id__exact': row.pk})}"
        return format_html('<a class="text-link" href="{}">Deliveries of this webhook</a>', url)


@admin.register(Delivery)
class DeliveryAdmin(_ReadableAdmin):
    """Deliveries, read-only."""

    list_display = ["created_at", "webhook", "event", "subject", "shown_state", "attempts", "status_code", "error"]
    list_filter = ["state", "event"]
    list_select_related = ["webhook"]
    search_fields = ["subject", "webhook__name"]
    ordering = ["-created_at", "id"]
    fields = [
        *("id", "webhook", "event", "subject", "shown_state", "attempts", "status_code", "error", "duration_ms"),
        *("created_at", "next_attempt_at", "finished_at", "event_id", "tries", "message"),
    ]
    readonly_fields = ["shown_state", "tries", "message"]
    actions_detail = ["send_again"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """Return the rows this person may see. Raises NotAuthenticated."""
        return visible_deliveries(actor_from_request(request)).select_related("webhook")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the filter by webhook that the page of a webhook links to."""
        return lookup == "webhook__id__exact" or super().lookup_allowed(lookup, value, request)

    @display(description="State", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # unfold has no types
    def shown_state(self, row: Delivery) -> str:
        """Return the state as a coloured label."""
        return str(row.state)

    @admin.display(description="Attempts")
    def tries(self, row: Delivery) -> SafeString | str:
        """Return the attempts, one in each line."""
        lines = ((entry["at"], entry["status"] or "—", entry["ms"], entry["error"]) for entry in row.history)
        return format_html_join("", "<div>{} · {} · {} ms {}</div>", lines) or "—"

    @admin.display(description="Message")
    def message(self, row: Delivery) -> SafeString:
        """Return the message, indented."""
        text = json.dumps(json.loads(row.body), indent=2, ensure_ascii=False)
        shortened = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
        lines = shortened.replace("  ", NBSP * 2).split("\n")
        return format_html_join("", '<div class="c-mono">{}</div>', ((line,) for line in lines))

    @action(description="Send again", permissions=["view"], url_path="send-again", icon="replay")  # type: ignore[untyped-decorator]  # unfold has no types
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the dialog that sends the delivery again."""
        try:
            return redirect("console:delivery_send_again", uuid.UUID(object_id))
        except ValueError:
            return redirect("admin:webhooks_delivery_changelist")
