"""Middleware for sessions that began at an identity provider: they end when the settings no longer have it."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth import get_user
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from accounts.oidc.configuration import configured_providers
from accounts.signin import PROVIDER_KEY


class ProviderSessionMiddleware:
    """Replaces the user of a request, which Django's middleware has set. Like that one it reads the session late."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.user = SimpleLazyObject(lambda: user_of(request))  # type: ignore[assignment]  # as Django's middleware does
        return self.get_response(request)


def user_of(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    """Return the user of the session, nobody where it began at a provider that is not configured any more."""
    provider = request.session.get(PROVIDER_KEY)
    if provider and provider not in {each.id for each in configured_providers()}:
        return AnonymousUser()
    return get_user(request)
