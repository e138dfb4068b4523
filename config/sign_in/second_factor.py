"""Middleware that lets people without a second factor do nothing but add one, where CUSTODY_SECOND_FACTOR is `all`."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse

from accounts.models import User
from accounts.second_factor.verification import NEEDS_FACTOR, SecondFactorRule, lacks_second_factor

# The pages on which a second factor is added, and the way out. What they load is public.
_ALLOWED = ("/account/second-factor/", "/account/passkeys/", "/admin/logout/", "/admin/login/", "/static/")
_APIS = ("/api/", "/ajax-api/", "/v1/")


class SecondFactorMiddleware:
    """Sends people without a second factor to the page on which they add one. API tokens are no sign-in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SECOND_FACTOR == SecondFactorRule.ALL and self._is_refused(request):
            if request.path.startswith(_APIS):
                return JsonResponse({"detail": NEEDS_FACTOR}, status=403)
            return HttpResponseRedirect(reverse("console:second_factor"))
        return self.get_response(request)

    def _is_refused(self, request: HttpRequest) -> bool:
        if request.path.startswith(_ALLOWED) or settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return False
        user = request.user
        return isinstance(user, User) and user.is_active and lacks_second_factor(user)
