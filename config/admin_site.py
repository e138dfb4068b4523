"""The admin site that frames all pages: everybody who may sign in uses it, and sees what their permissions allow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.exceptions import DisallowedModelAdminToField
from django.contrib.admin.options import TO_FIELD_VAR
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import get_script_prefix
from django.utils.functional import SimpleLazyObject
from unfold.sites import UnfoldAdminSite

from accounts.oidc.configuration import configured_providers
from core.errors import Denied

# The keys of the context that each request has for itself. There are no tabs (UNFOLD["TABS"]).
_OF_A_REQUEST = frozenset({"available_apps", "has_permission", "log_entries", "sidebar_navigation", "tab_list"})


class CustodyAdminSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    """Unfold's site for every active person. Service accounts have no pages."""

    index_template = "console/requests/inbox.html"
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # The part of the frame that is the same on every page, by the prefix of all addresses.
        self._frames: dict[str, dict[str, Any]] = {}

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the request comes from an active person who signed in."""
        user = request.user
        return bool(user.is_authenticated and user.is_active and not getattr(user, "is_service", False))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the context of the frame of a page. Unfold's, from the settings alone, is made once for a prefix."""
        # The site is made before the models are loaded, so this is imported late.
        from config.navigation import sidebar  # noqa: PLC0415 - see LATE_IMPORTS in tests/architecture

        prefix = get_script_prefix()
        frame = self._frames.get(prefix)
        if frame is None:
            whole: dict[str, Any] = super().each_context(request)
            frame = self._frames[prefix] = {key: value for key, value in whole.items() if key not in _OF_A_REQUEST}
        has_permission = self.has_permission(request)
        return frame | {
            "has_permission": has_permission,
            "available_apps": self.get_app_list(request),
            "log_entries": self.get_log_entries(request),
            "tab_list": [],
            "sidebar_navigation": sidebar(request) if has_permission else [],
        }

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:  # noqa: FBT001, FBT002 - Django's signature
        """Return the view for people who signed in. An empty ``_to_field`` is answered 400, like an unknown one."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if "" in (request.GET.get(TO_FIELD_VAR), request.POST.get(TO_FIELD_VAR)):
                raise DisallowedModelAdminToField("The field '' cannot be referenced.")
            return inner(request, *args, **kwargs)

        return cast("Callable[..., Any]", checked)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the sign-in page: a button for each identity provider, and the form for passwords unless it is off."""
        context = {"identity_providers": configured_providers(), "local_passwords": settings.LOCAL_PASSWORDS}
        response: HttpResponse = super().login(request, {**context, **(extra_context or {})})
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Let a person change their password, record it, and end their sessions in other browsers."""
        # The site is made before the models are loaded, so this is imported late.
        from accounts.authentication import actor_from_request  # noqa: PLC0415 - see LATE_IMPORTS in tests/architecture
        from accounts.own_password import note_own_password, require_own_password  # noqa: PLC0415 - likewise
        from console.shell.pages import denied_message  # noqa: PLC0415 - likewise

        if request.method == "POST":
            try:
                require_own_password(request)
            except Denied as error:
                messages.error(request, denied_message(actor_from_request(request), error))
                return HttpResponseRedirect(request.path)
        with transaction.atomic():
            response: HttpResponse = super().password_change(request, extra_context)
            if request.method == "POST" and isinstance(response, HttpResponseRedirect):
                note_own_password(request)
        return response

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Return the list of apps lazily: only one page reads it, and making it takes two queries."""
        apps = partial(super().get_app_list, request, app_label)
        return cast("list[dict[str, Any]]", SimpleLazyObject(apps))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the inbox: waiting requests, the person's own requests, and what is in Production."""
        # The site is made before the models are loaded, so this is imported late.
        from console.requests.presenters.inbox import inbox_page  # noqa: PLC0415 - see LATE_IMPORTS in tests/architecture

        context = {"title": "Inbox", "page": inbox_page(request), "crumbs": [], **(extra_context or {})}
        response: TemplateResponse = super().index(request, context)
        return response
