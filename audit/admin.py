"""The audit tables, to look at. ReadOnlyAdmin is the base of every governed table's admin: there is no door round the gate."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from audit.models import Event, MissedEvent, OutboxMessage, Stream


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Rows that change through services alone: nobody adds, changes or deletes them here, superusers included."""

    actions = None
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ["at", "action", "outcome", "actor_name", "object_ref", "stream", "gen"]
    list_filter = ["outcome", "action"]
    search_fields = ["object_ref", "actor_name", "request_id"]
    ordering = ["-id"]
    exclude = ["body"]
    readonly_fields = ["exact_bytes"]

    @admin.display(description="Exact bytes")
    def exact_bytes(self, event: Event) -> str:
        return bytes(event.body).decode("utf-8", "replace")


@admin.register(Stream)
class StreamAdmin(ReadOnlyAdmin):
    list_display = ["key", "gen", "head"]
    search_fields = ["key"]


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    list_display = ["id", "task", "queue", "created_at", "delivered_at", "attempts"]
    list_filter = ["queue", "task", ("delivered_at", admin.EmptyFieldListFilter)]
    ordering = ["-id"]


@admin.register(MissedEvent)
class MissedEventAdmin(ReadOnlyAdmin):
    list_display = ["event", "consumer", "attempts", "next_attempt_at", "error"]
    list_filter = ["consumer"]
    list_select_related = ["event"]
    ordering = ["next_attempt_at"]
