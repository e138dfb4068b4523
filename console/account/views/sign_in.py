"""Sign-in with an identity provider and by a sign-in link, and confirming there who one is."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.authentication import SIGNED_IN, actor_from_user
from accounts.identity_proofs import keep_proof
from accounts.models import User
from accounts.oidc.configuration import IdentityProvider, configured_providers, find_provider
from accounts.oidc.flow import Answer, Attempt, Kind, begin, finish
from accounts.oidc.sign_in import account_of, link_identity, linked_account, providers_of, unlink_identity
from accounts.oidc.tokens import RejectedSignIn
from accounts.passkeys.assertions import PasskeyAnswer
from accounts.reauthentication import reauthenticate
from accounts.second_factor.passkeys import accept_passkey
from accounts.sign_in_links import find_sign_in_link, use_sign_in_link
from accounts.signin import record_refused_sign_in, record_wrong_factor, return_sign_in, sign_in
from console.account.forms import LinkForm
from console.account.identity import remember_proof
from console.shell.dialogs import submitted
from console.shell.pages import denied_message, page, render_page
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput, InvalidState, NotFound, Unavailable

_LONGEST_PURPOSE = 100


@never_cache
@require_POST
def provider_sign_in(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send a person to the sign-in page of an identity provider."""
    try:
        provider = find_provider(provider_id)
        return leave_for(request, provider, Attempt(next_path=path_after(request, request.POST.get("next", ""))))
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
@require_POST
def passkey_sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in a person whose password was right, when their passkey has signed the challenge of this sign-in."""
    answer = PasskeyAnswer(request.POST.get("passkey_token", ""), request.POST.get("passkey_answer", ""))
    try:
        user = accept_passkey(answer)
    except (Conflict, InvalidInput) as error:
        record_wrong_factor(request=request, username="", reason=f"the passkey was refused: {error.message}")
        return _refused(request, error.message, status=401)
    return_sign_in(user.username, request)
    sign_in(request, user, second_factor="passkey")
    return HttpResponseRedirect(path_after(request, request.POST.get("next", "")))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Show the person of a sign-in link, and sign them in when the button is pressed: a preview must not use it up."""
    try:
        if request.method != "POST":
            user = find_sign_in_link(secret).user
            return render(request, "console/account/sign_in_link.html", {"username": user.username})
        sign_in(request, use_sign_in_link(secret), by="sign-in link")
    except InvalidState as error:
        return _refused(request, error.message, status=404)
    return HttpResponseRedirect(reverse("admin:index"))


@page
def identities(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the providers with which a person can sign in, and link the account to another one.

    The person gives the password and signs in at the provider: nothing else shows that both are theirs.
    """
    linked = providers_of(actor.user_id)
    others = [each for each in configured_providers() if each not in linked]
    form = LinkForm(submitted(request), providers=others)
    if request.method == "POST" and form.is_valid():
        try:
            reauthenticate(actor=actor, password=form.cleaned_data["password"])
        except Denied as error:
            form.add_error("password", denied_message(actor, error))
        else:
            attempt = Attempt(request.path, Kind.LINK, user_id=actor.user_id)
            return leave_for(request, find_provider(form.cleaned_data["provider"]), attempt)
    return render_page(
        request, "console/account/identities.html", "Identity providers", linked=linked, others=others, form=form
    )


@page
@require_POST
def unlink(request: HttpRequest, actor: Actor, provider_id: str) -> HttpResponse:
    """Unlink the person's account from a provider, or as a superuser that of somebody else.

    Raises Denied, NotFound, InvalidState.
    """
    username = request.POST.get("username") or actor.name
    unlink_identity(actor=actor, username=username, provider=provider_id)
    messages.success(request, f"{username} can no longer sign in with {provider_id}.")
    if username == actor.name:
        return redirect("console:identities")
    return redirect("console:person", username=username)


@page
def confirm_identity(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Let a person without a password here confirm who they are: at the provider that their account is linked to."""
    fields = request.POST if request.method == "POST" else request.GET
    purpose, next_path = fields.get("purpose", "")[:_LONGEST_PURPOSE], path_after(request, fields.get("next", ""))
    providers = providers_of(actor.user_id)
    chosen = [each for each in providers if each.id == request.POST.get("provider")]
    if request.method == "POST" and chosen and purpose:
        attempt = Attempt(next_path, Kind.CONFIRM, purpose, actor.user_id)
        return leave_for(request, chosen[0], attempt)
    return render_page(
        request,
        "console/account/confirm_identity.html",
        "Confirm who you are",
        providers=providers,
        purpose=purpose,
        next=next_path,
    )


def leave_for(request: HttpRequest, provider: IdentityProvider, attempt: Attempt) -> HttpResponse:
    """Return a page that leads on to the provider. Raises Unavailable."""
    url = begin(request, provider, _callback_path(provider), attempt)
    return render(request, "console/account/provider_leave.html", {"provider": provider, "url": url})


def _complete(request: HttpRequest, answer: Answer) -> HttpResponse:
    provider = answer.identity.provider
    if answer.attempt.kind is not Kind.SIGN_IN:
        return _confirm(request, answer) if answer.attempt.kind is Kind.CONFIRM else _link(request, answer)
    user: User = account_of(answer.identity, request_id=getattr(request, "request_id", ""))
    sign_in(request, user, provider=provider.id)
    return HttpResponseRedirect(answer.attempt.next_path)


def _confirm(request: HttpRequest, answer: Answer) -> HttpResponse:
    """Keep the proof that the person who is signed in is still who they are. Raises RejectedSignIn."""
    provider, attempt, signed_in_at = answer.identity.provider, answer.attempt, answer.confirmed_at
    actor, account = _actor_who_started(request, answer), linked_account(answer.identity)
    if signed_in_at is None or account is None or account.pk != actor.user_id:
        message = f"You signed in at {provider.name} as somebody else than here, so this does not confirm who you are."
        raise RejectedSignIn(message, reason="another person confirmed", username=actor.name)
    secret = keep_proof(actor=actor, provider=provider.id, purpose=attempt.purpose, signed_in_at=signed_in_at)
    remember_proof(request, attempt.purpose, secret)
    messages.success(request, f"You confirmed at {provider.name} who you are. Go on within five minutes.")
    return HttpResponseRedirect(attempt.next_path)


def _link(request: HttpRequest, answer: Answer) -> HttpResponse:
    link_identity(answer.identity, actor=_actor_who_started(request, answer))
    messages.success(request, f"From now on you can sign in with {answer.identity.provider.name}.")
    return HttpResponseRedirect(answer.attempt.next_path)


def _actor_who_started(request: HttpRequest, answer: Answer) -> Actor:
    """Return the person who is signed in, who must be the one who started the attempt. Raises RejectedSignIn."""
    user = request.user
    if not isinstance(user, User) or not user.is_active or user.pk != answer.attempt.user_id:
        message = "You are no longer signed in as the person who started this. Sign in and start again."
        raise RejectedSignIn(message, reason="another person is signed in", username=user.get_username())
    return actor_from_user(user, auth=SIGNED_IN, request_id=getattr(request, "request_id", ""))


def _callback_path(provider: IdentityProvider) -> str:
    return reverse("console:provider_callback", args=[provider.id])


def path_after(request: HttpRequest, url: str) -> str:
    """Return the address after the sign-in: one of this server, or the inbox."""
    is_ours = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if is_ours and "\x00" not in url else settings.LOGIN_REDIRECT_URL


def _refused(request: HttpRequest, message: str, *, status: int) -> HttpResponse:
    response = render(request, "console/account/sign_in_refused.html", {"message": message}, status=status)
    response.is_final = True  # type: ignore[attr-defined]  # config/middleware.py reads it
    return response
