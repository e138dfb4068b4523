"""The admin pages of the audit tables, and ReadOnlyAdmin, the base of all admin pages of tables that only services
change.
"""

from __future__ import annotations

from functools import cached_property

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from audit.actions import Action
from audit.identities.names import object_refs
from audit.models import Event, EventText, Identity, Log, MissedEvent, OutboxMessage
from audit.queries import actor_name, by_actor, facts
from core.refs import user_ref


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

    list_display = ["at", "action", "outcome", "actor", "named_object", "stream"]
    list_filter = [OutcomeFilter, ActionFilter]
    search_fields = ["object_ref", "actor_key", "request_id"]
    ordering = ["-id"]
    exclude = ["body"]
    readonly_fields = ["exact_bytes"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """Return the events that match, among them those by or about an account of this name."""
        rows, has_duplicates = super().get_search_results(request, queryset, search_term)
        if search_term:
            rows |= queryset.filter(by_actor(search_term) | Q(object_ref__in=object_refs(user_ref(search_term))))
        return rows, has_duplicates

    @admin.display(description="Actor")
    def actor(self, event: Event) -> str:
        """Return the name of the actor."""
        return actor_name(event)

    @admin.display(description="Object")
    def named_object(self, event: Event) -> str:
        """Return the reference of the object, with the name of an account."""
        return str(facts(event)["object"])

    @admin.display(description="Exact bytes")
    def exact_bytes(self, event: Event) -> str:
        """Return the body of an event as text."""
        return bytes(event.body).decode("utf-8", "replace")


@admin.register(Identity)
class IdentityAdmin(ReadOnlyAdmin):
    """The people behind commitments in events, newest first."""

    list_display = ["label", "ref", "commitment", "erased_at"]
    search_fields = ["name", "ref", "commitment", "pseudonym"]
    ordering = ["-id"]
    exclude = ["salt"]


@admin.register(EventText)
class EventTextAdmin(ReadOnlyAdmin):
    """Texts and addresses of people in events, newest first."""

    list_display = ["event_id", "place", "subject", "erased_at"]
    search_fields = ["=event_id", "=subject"]
    list_filter = [("erased_at", admin.EmptyFieldListFilter)]
    ordering = ["-id"]
    exclude = ["salt"]


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
