"""Trusted publishers of a service account: adding and deleting them, by its owner. Superusers delete them too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import ApiToken, TrustedPublisher, User
from accounts.workload.rules import GRANTABLE_SCOPES, checked_claims
from audit.actions import Action
from audit.services import record
from core.actors import Actor, ActorKind
from core.errors import AlreadyExists, Denied, InvalidInput, NotFound
from core.ids import row_id
from core.refs import user_ref

MAX_PUBLISHERS = 50


def find_managed_account(actor: Actor, username: str) -> User:
    """Return an active service account that the actor owns, or any for a superuser. Raises NotFound."""
    rows = User.objects.filter(username=username, is_service=True, is_active=True).select_related("owner")
    if not actor.is_superuser:
        rows = rows.filter(owner=actor.user_id or 0)
    account = rows.first()
    if account is None or actor.kind is not ActorKind.USER:
        raise NotFound(f"You manage no service account called {username[:150]}.")
    return account


def publishers_of(account: User) -> QuerySet[TrustedPublisher]:
    """Return the trusted publishers of a service account with who added them, oldest first."""
    return account.trusted_publishers.filter(deleted_at__isnull=True).select_related("added_by").order_by("pk")


def find_publisher(actor: Actor, publisher_id: int) -> TrustedPublisher:
    """Return a trusted publisher of a service account that the actor manages. Raises NotFound."""
    rows = TrustedPublisher.objects.filter(pk=row_id(publisher_id), deleted_at__isnull=True)
    if not actor.is_superuser:
        rows = rows.filter(account__owner=actor.user_id or 0)
    publisher = rows.select_related("account").first()
    if publisher is None or actor.kind is not ActorKind.USER:
        raise NotFound(f"You manage no trusted publisher {publisher_id}.")
    return publisher


@transaction.atomic
def add_publisher(
    *,
    actor: Actor,
    username: str,
    name: str,
    issuer: str,
    audience: str,
    claims: Mapping[str, str],
    scopes: Iterable[str],
    single_use: bool = True,
) -> TrustedPublisher:
    """Let jobs with these claims get tokens of a service account, and return the rule.

    Raises NotFound, Denied for everybody but the owner of the account, who counts as an author of its work;
    InvalidInput, AlreadyExists (the name).
    """
    account = find_managed_account(actor, username)
    owner = account.owner
    if owner is None or owner.pk != actor.user_id:
        message = "Only the owner of a service account adds a trusted publisher."
        raise Denied(message, action=Action.ACCOUNT_TRUSTED_PUBLISHER_ADDED, obj=user_ref(account.username))
    if publishers_of(account).count() >= MAX_PUBLISHERS:
        raise InvalidInput(f"A service account has at most {MAX_PUBLISHERS} trusted publishers.")
    publisher = TrustedPublisher(
        account=account,
        name=_checked_text("name", name, 100),
        issuer=_checked_issuer(issuer),
        audience=_checked_text("audience", audience, 200),
        claims=checked_claims(claims),
        scopes=_checked_scopes(scopes),
        single_use=single_use,
        added_by=owner,
    )
    _insert(publisher)
    obj, after = user_ref(account.username), _facts(publisher)
    record(actor=actor, action=Action.ACCOUNT_TRUSTED_PUBLISHER_ADDED, obj=obj, after=after)
    return publisher


@transaction.atomic
def delete_publisher(*, actor: Actor, publisher_id: int) -> TrustedPublisher:
    """Delete a trusted publisher, revoke the tokens that it got, and return it. Raises NotFound."""
    row = find_publisher(actor, publisher_id)
    publisher = TrustedPublisher.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if publisher.deleted_at is not None:
        raise NotFound(f"You manage no trusted publisher {publisher_id}.")
    now = timezone.now()
    TrustedPublisher.objects.filter(pk=publisher.pk).update(deleted_at=now, deleted_by=actor.user_id)
    is_live = Q(revoked_at__isnull=True, expires_at__gt=now)
    revoked = ApiToken.objects.filter(is_live, exchange__publisher=publisher).update(revoked_at=now)
    record(
        actor=actor,
        action=Action.ACCOUNT_TRUSTED_PUBLISHER_DELETED,
        obj=user_ref(row.account.username),
        before=_facts(publisher),
        after={"tokens_ended": revoked},
    )
    return publisher


def _insert(publisher: TrustedPublisher) -> None:
    try:
        with transaction.atomic():
            publisher.save()
    except IntegrityError as error:
        message = f"{publisher.account.username} has a trusted publisher called {publisher.name}."
        raise AlreadyExists(message) from error


def _facts(publisher: TrustedPublisher) -> dict[str, object]:
    names = ("name", "issuer", "audience", "claims", "scopes", "single_use")
    return {"publisher": publisher.pk, **{name: getattr(publisher, name) for name in names}}


def _checked_text(field: str, value: str, limit: int) -> str:
    text = value.strip()
    if not 0 < len(text) <= limit or not text.isprintable():
        raise InvalidInput(f"The {field} needs 1 to {limit} characters on one line.")
    return text


def _checked_issuer(issuer: str) -> str:
    url = issuer.strip().rstrip("/")
    if url not in settings.TRUSTED_ISSUERS:
        listed = ", ".join(settings.TRUSTED_ISSUERS) or "none"
        raise InvalidInput(f"{url[:200]} is not a trusted issuer. CUSTODY_TRUSTED_ISSUERS lists: {listed}.")
    return url


def _checked_scopes(scopes: Iterable[str]) -> list[str]:
    chosen = sorted(set(scopes))
    if unknown := [scope for scope in chosen if scope not in GRANTABLE_SCOPES]:
        raise InvalidInput(f"A job cannot get the scope {unknown[0]}. Choose from {', '.join(GRANTABLE_SCOPES)}.")
    if not chosen:
        raise InvalidInput("Choose at least one scope.")
    return chosen
