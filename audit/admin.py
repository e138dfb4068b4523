"""The admin pages of the audit tables, and ReadOnlyAdmin, the base of all admin pages of tables that only services
change.
"""

from __future__ import annotations

from functools import cached_property

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from audit.actions import Action
from audit.models import Event, Log, MissedEvent, OutboxMessage


class FirstRowsPaginator(Paginator):  # type: ignore[type-arg]  # Django's class is generic for type checkers only
    """Pages of the first rows: counting all rows of a large table takes longer than reading a page."""

    most_rows = 10_000

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most ``most_rows``."""
        rows = self.object_list
        return int(rows.order_by()[: self.most_rows].count()) if isinstance(rows, QuerySet) else len(rows)


class _ValueFilter(admin.SimpleListFilter):
    """Events with one value of the column ``parameter_name``. Reading the values of all events would take too long."""

    values: tuple[str, ...] = ()

    def lookups(self, _request: HttpRequest, _model_admin: object) -> list[tuple[str, str]]:
        """Return the values to choose from."""
        return [(value, value) for value in self.values]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """Return the events with the chosen value."""
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class ActionFilter(_ValueFilter):
    """Events of one action."""

    title = parameter_name = "action"
    values = tuple(action.value for action in Action)


class OutcomeFilter(_ValueFilter):
    """Events with one outcome."""

    title = parameter_name = "outcome"
    values = ("ok", "denied")


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Shows rows that only services change: nobody adds, changes or deletes them here, not even superusers."""

    actions = None
    paginator = FirstRowsPaginator
    list_before_template = "admin/first_rows.html"
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
    list_filter = [OutcomeFilter, ActionFilter]
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
