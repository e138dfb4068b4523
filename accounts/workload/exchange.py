"""Exchange of an identity token of a job for a short-lived API token of a service account (RFC 8693)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.attempts import claim_attempt, return_attempt
from accounts.authentication import actor_from_user
from accounts.models import ApiToken, TokenExchange, TrustedPublisher
from accounts.oidc.signatures import LEEWAY
from accounts.services import store_token
from accounts.workload.identity_tokens import IdentityToken, RefusedExchange, plain_text, verify_identity_token
from accounts.workload.rules import audience_of, claim_text, unmet_demand
from audit.actions import Action
from audit.services import record
from core.actors import anonymous_actor
from core.refs import user_ref

# The exchanges from one address that fail, and those that are under way.
MAX_ATTEMPTS, ATTEMPT_WINDOW = 60, timedelta(minutes=1)
# Claims that the event keeps beside those of the rule, where a token has them.
_RECORDED_CLAIMS = (
    *("sub", "jti", "repository", "repository_id", "ref", "sha", "workflow_ref", "run_id", "run_attempt"),
    *("project_path", "project_id", "pipeline_id", "job_id", "environment"),
)


class TooManyExchanges(RefusedExchange):
    """Too many exchanges from one address failed. It is refused before anything is read, without an event."""


def exchange_token(
    *, subject_token: str, username: str = "", scopes: Sequence[str] = (), address: str, request_id: str
) -> tuple[ApiToken, str]:
    """Return a new API token of the service account whose rule trusts an identity token, and its secret.

    ``username`` chooses among several accounts, ``scopes`` are fewer than the rule gives. A refusal is recorded.
    Raises RefusedExchange, TooManyExchanges, Unavailable, InvalidInput (the setting of the lifetime).
    """
    attempt = f"token-exchange from {address}"
    if not claim_attempt(attempt, limit=MAX_ATTEMPTS, window=ATTEMPT_WINDOW):
        raise TooManyExchanges("Too many exchanges from this address failed. Try again in a minute.", code="slow_down")
    try:
        identity = verify_identity_token(subject_token)
        token, secret = _exchange(identity, username, scopes, address, request_id)
    except RefusedExchange as error:
        _record_refusal(error, address, request_id)
        raise
    return_attempt(attempt)
    return token, secret


@transaction.atomic
def _exchange(
    identity: IdentityToken, username: str, scopes: Sequence[str], address: str, request_id: str
) -> tuple[ApiToken, str]:
    publisher = _trusting_publisher(identity, username)
    account = publisher.account
    if excess := [scope for scope in scopes if scope not in publisher.scopes]:
        message = f"The rule does not give the scope {plain_text(excess[0])}."
        raise _refused(message, identity, publisher, code="invalid_scope")
    life = timedelta(minutes=settings.EXCHANGED_TOKEN_MINUTES)
    chosen = scopes or publisher.scopes
    token, secret = store_token(user=account, scopes=chosen, expires_in=life, label=publisher.name)
    _use_up(identity, publisher, token)
    claims = {
        name: plain_text(claim_text(identity.claims.get(name))) for name in (*_RECORDED_CLAIMS, *publisher.claims)
    }
    after = {
        **identity.facts,
        "claims": {name: value for name, value in claims.items() if value},
        "publisher": publisher.pk,
        "label": publisher.name,
        "token": token.pk,
        "scopes": token.scopes,
        "expires_at": token.expires_at,
        "address": address,
    }
    actor = actor_from_user(account, auth="identity-token", request_id=request_id)
    record(actor=actor, action=Action.ACCOUNT_TOKEN_EXCHANGED, obj=user_ref(account.username), after=after)
    return token, secret


def _trusting_publisher(identity: IdentityToken, username: str) -> TrustedPublisher:
    """Return the rule that trusts a token, locked. Raises RefusedExchange for no rule, and for several accounts."""
    rows = TrustedPublisher.objects.filter(
        issuer=identity.issuer, deleted_at__isnull=True, account__is_active=True, account__owner__is_active=True
    )
    rows = rows.filter(account__username=username) if username else rows
    refusals, trusting = set(), []
    for publisher in rows.select_related("account").order_by("pk"):
        if claim := unmet_demand(publisher, identity.claims):
            refusals.add(claim)
        else:
            trusting.append(publisher)
    if len({publisher.account_id for publisher in trusting}) > 1:
        message = "Several service accounts trust this token. Name one as the audience of the exchange."
        raise RefusedExchange(message, code="invalid_target", facts=identity.facts)
    if not trusting:
        audience, subject = plain_text(audience_of(identity.claims)), plain_text(identity.claims["sub"])
        message = (
            f"No rule trusts this token (audience {audience or 'missing or several'}, subject {subject})."
            " Compare its claims with the trusted publishers of the service account."
        )
        facts = {**identity.facts, "unmet_claims": sorted(refusals)}
        raise RefusedExchange(message, username=username, facts=facts)
    publisher = trusting[0]
    is_live = TrustedPublisher.objects.select_for_update().filter(pk=publisher.pk, deleted_at__isnull=True)
    if not is_live.exists():
        raise _refused("The rule that trusts this token was just deleted.", identity, publisher)
    return publisher


def _use_up(identity: IdentityToken, publisher: TrustedPublisher, token: ApiToken) -> None:
    """Note the exchange. Raises RefusedExchange where the rule allows one and the identity token had it already."""
    try:
        with transaction.atomic():
            TokenExchange.objects.create(
                publisher=publisher,
                token=token,
                proof=identity.proof if publisher.single_use else None,
                expires_at=max(token.expires_at, identity.expires_at + LEEWAY),
            )
    except IntegrityError as error:
        message = "This identity token was exchanged already. Ask the issuer for a new one."
        raise _refused(message, identity, publisher) from error


def _refused(
    message: str, identity: IdentityToken, publisher: TrustedPublisher, code: str = "invalid_request"
) -> RefusedExchange:
    facts = {**identity.facts, "publisher": publisher.pk}
    return RefusedExchange(message, code=code, username=publisher.account.username, facts=facts)


def _record_refusal(error: RefusedExchange, address: str, request_id: str) -> None:
    with transaction.atomic():
        record(
            actor=anonymous_actor(request_id=request_id),
            action=Action.ACCOUNT_TOKEN_EXCHANGED,
            obj=user_ref(plain_text(error.username)[:150]),
            outcome="denied",
            after={**error.facts, "address": address},
            reason=error.message,
        )
