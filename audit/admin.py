"""The admin pages of the audit tables, and ReadOnlyAdmin, the base of all admin pages of tables that only services
change.
"""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from audit.models import Event, Log, MissedEvent, OutboxMessage


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Shows rows that only services change: nobody adds, changes or deletes them here, not even superusers."""

    actions = None
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False."""
        return False


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Events, newest first."""

    list_display = ["at", "action", "outcome", "actor_name", "object_ref", "stream"]
    list_filter = ["outcome", "action"]
    search_fields = ["object_ref", "actor_name", "request_id"]
    ordering = ["-id"]
    exclude = ["body"]
    readonly_fields = ["exact_bytes"]

    @admin.display(description="Exact bytes")
    def exact_bytes(self, event: Event) -> str:
        """Return the body of an event as text."""
        return bytes(event.body).decode("utf-8", "replace")


@admin.register(Log)
class LogAdmin(ReadOnlyAdmin):
    """Transparency logs, the one in use first."""

    list_display = ["number", "origin", "size", "problem", "checked_at"]
    ordering = ["-number"]


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    """Outbox messages, newest first."""

    list_display = ["id", "task", "queue", "created_at", "delivered_at", "attempts"]
    list_filter = ["queue", "task", ("delivered_at", admin.EmptyFieldListFilter)]
    ordering = ["-id"]


@admin.register(MissedEvent)
class MissedEventAdmin(ReadOnlyAdmin):
    """Missed events, the next one to retry first."""

    list_display = ["event", "consumer", "attempts", "next_attempt_at", "error"]
    list_filter = ["consumer"]
    list_select_related = ["event"]
    ordering = ["next_attempt_at"]
