"""Middleware that notes when a session of a browser was last used, for the page Sessions."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse

from accounts.browser_sessions import is_use_noted, note_use
from accounts.models import User


class SessionUseMiddleware:
    """Notes the use of a session every few minutes. A database that takes no writes delays no page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
        if key and response.status_code < 500 and not is_use_noted(key):  # noqa: PLR2004 - an error of the server
            self._note(request)
        return response

    def _note(self, request: HttpRequest) -> None:
        user = request.user
        if not isinstance(user, User) or not user.is_active:
            return
        try:
            with transaction.atomic():
                note_use(request, user)
        except DatabaseError:  # a full disk, or the session was noted by another process at this moment
            return
