"""Sign-in with an identity provider, and by a sign-in link. These pages are for people who are not signed in."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.oidc.configuration import IdentityProvider, find_provider
from accounts.oidc.flow import Answer, Attempt, begin, finish
from accounts.oidc.sign_in import account_of
from accounts.oidc.tokens import RejectedSignIn
from accounts.sign_in_links import find_sign_in_link, use_sign_in_link
from accounts.signin import record_refused_sign_in, sign_in
from core.errors import InvalidState, NotFound, Unavailable


@never_cache
@require_POST
def provider_sign_in(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send a person to the sign-in page of an identity provider."""
    try:
        provider = find_provider(provider_id)
        return leave_for(request, provider, Attempt(next_path=_path_after(request, request.POST.get("next", ""))))
    except NotFound as error:
        return _refused(request, error.message, status=404)
    except Unavailable as error:
        return _refused(request, error.message, status=503)


@never_cache
@require_safe
def provider_callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Sign in a person who comes back from an identity provider."""
    try:
        provider = find_provider(provider_id)
    except NotFound as error:
        return _refused(request, error.message, status=404)
    try:
        answer = finish(request, provider, _callback_path(provider))
        return _complete(request, answer)
    except RejectedSignIn as error:
        record_refused_sign_in(request=request, provider=provider.id, reason=error.reason, username=error.username)
        return _refused(request, error.message, status=403)
    except Unavailable as error:
        return _refused(request, error.message, status=503)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Show whom a sign-in link signs in, and sign them in when the button is pressed: a preview must not use it up."""
    try:
        if request.method != "POST":
            user = find_sign_in_link(secret).user
            return render(request, "console/account/sign_in_link.html", {"username": user.username})
        sign_in(request, use_sign_in_link(secret), by="sign-in link")
    except InvalidState as error:
        return _refused(request, error.message, status=404)
    return HttpResponseRedirect(reverse("admin:index"))


def leave_for(request: HttpRequest, provider: IdentityProvider, attempt: Attempt) -> HttpResponse:
    """Return a page that leads on to the provider. Raises Unavailable."""
    url = begin(request, provider, _callback_path(provider), attempt)
    return render(request, "console/account/provider_leave.html", {"provider": provider, "url": url})


def _complete(request: HttpRequest, answer: Answer) -> HttpResponse:
    provider = answer.identity.provider
    user: User = account_of(answer.identity, request_id=getattr(request, "request_id", ""))
    sign_in(request, user, provider=provider.id)
    return HttpResponseRedirect(answer.attempt.next_path)


def _callback_path(provider: IdentityProvider) -> str:
    return reverse("console:provider_callback", args=[provider.id])


def _path_after(request: HttpRequest, url: str) -> str:
    """Return where to go after the sign-in: an address of this server, or the inbox."""
    is_ours = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if is_ours and "\x00" not in url else settings.LOGIN_REDIRECT_URL


def _refused(request: HttpRequest, message: str, *, status: int) -> HttpResponse:
    response = render(request, "console/account/sign_in_refused.html", {"message": message}, status=status)
    response.is_final = True  # type: ignore[attr-defined]  # config/middleware.py reads it
    return response
