"""The list of transition requests in the admin. The page of one request is the console's own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.authentication import actor_from_request
from approvals.models import TransitionRequest
from audit.admin import ReadOnlyAdmin
from console.requests.views.requests import request_detail
from console.templatetags.custody import ago, badge
from policies.request_kinds import RequestKind
from registry.permissions import visible_versions


class TransitionRequestAdmin(ReadOnlyAdmin):
    """Transition requests, read-only. A person sees the requests of the models that they may see."""

    list_display = ["subject", "target_stage", "shown_state", "requester", "opened", "closed"]
    list_display_links = ["subject"]
    list_filter = ["state", "target"]
    list_select_related = ["version__model", "requester"]
    search_fields = ["version__model__name", "requester__username"]
    ordering = ["-opened_at", "-pk"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the person is signed in."""
        return admin.site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: TransitionRequest | None = None) -> bool:
        """Return whether the person is signed in; the queryset limits what they see."""
        return admin.site.has_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TransitionRequest]:
        """Return the requests of the versions this person may see. Raises NotAuthenticated."""
        rows: QuerySet[TransitionRequest] = super().get_queryset(request)
        return rows.filter(version__in=visible_versions(actor_from_request(request)))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Show the request's page instead of a form of its columns."""
        return request_detail(request, object_id)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list under the console's title."""
        response: HttpResponse = super().changelist_view(
            request, {"title": "Requests", "crumbs": [], **(extra_context or {})}
        )
        return response

    @admin.display(description="Request")
    def subject(self, row: TransitionRequest) -> str:
        """Return the number of the request and its version."""
        return f"#{row.pk} {row.version}"

    @admin.display(description="To", ordering="target")
    def target_stage(self, row: TransitionRequest) -> SafeString:
        """Return the target as a badge."""
        return badge("stage", row.target)

    @admin.display(description="State", ordering="state")
    def shown_state(self, row: TransitionRequest) -> SafeString:
        """Return the state as a badge, with a badge of the kind where it is not a promotion."""
        kind = format_html(" {}", badge("request_kind", row.kind)) if row.kind != RequestKind.PROMOTION else ""
        return format_html("{}{}", badge("request", row.state), kind)

    @admin.display(description="Opened", ordering="opened_at")
    def opened(self, row: TransitionRequest) -> SafeString | str:
        """Return the time when the request was opened, relative to now."""
        return ago(row.opened_at)

    @admin.display(description="Closed", ordering="closed_at")
    def closed(self, row: TransitionRequest) -> SafeString | str:
        """Return the time when the request was closed, relative to now."""
        return ago(row.closed_at)
