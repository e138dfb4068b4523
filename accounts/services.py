"""Creating people and service accounts, and issuing and revoking API tokens."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.authentication import TOKEN_PREFIX, token_digest
from accounts.changes import Change, note_change
from accounts.models import ApiToken, User
from accounts.usernames import check_username
from audit.actions import Action
from audit.services import record
from audit.texts.owners import TextOf
from core.actors import ALL_SCOPES, DEFAULT_SCOPES, Actor
from core.errors import AlreadyExists, InvalidInput
from core.refs import user_ref

MAX_TOKEN_LIFE = timedelta(days=365)


@transaction.atomic
def create_user(
    *,
    actor: Actor,
    username: str,
    password: str | None = None,
    groups: Iterable[str] = (),
    is_superuser: bool = False,
    is_service: bool = False,
    owner: User | None = None,
) -> User:
    """Create a person, or a service account that a person owns. Without a password nobody can sign in with it.

    The groups must exist; `reviewers`, `auditors` and `operators` always do. Raises AlreadyExists, InvalidInput.
    """
    username = _checked_username(username)
    group_names = sorted(set(groups))
    known_groups = {group.name: group for group in Group.objects.filter(name__in=group_names)}
    if missing := [name for name in group_names if name not in known_groups]:
        raise InvalidInput(f"There is no group called {missing[0]}.")
    if User.objects.filter(username__iexact=username).exists():
        raise AlreadyExists(f"There is already a user called {username}.")
    if is_service and (owner is None or owner.is_service):
        raise InvalidInput("A service account needs a person as its owner.")
    user = User(username=username, is_superuser=is_superuser, is_staff=is_superuser, is_service=is_service, owner=owner)
    _set_password(user, password)
    try:
        user.full_clean()
        user.save()
    except ValidationError as error:  # of `save`: an account that looks like it was made at the same moment
        raise InvalidInput("; ".join(error.messages)) from error
    user.groups.set(known_groups.values())
    note_change(actor=actor, account=user, kind=Change.CREATED)
    note_change(actor=actor, account=user, kind=Change.GROUP_ADDED, details=group_names)
    record(
        actor=actor,
        action=Action.ACCOUNT_USER_CREATED,
        obj=user_ref(username),
        after={"groups": group_names, "superuser": is_superuser, "service": is_service},
    )
    return user


def _checked_username(username: str) -> str:
    """Return a username as it is stored. Raises InvalidInput before a database sees one that it cannot take."""
    normalized = User.normalize_username(username)
    try:
        check_username(normalized)
    except ValidationError as error:
        raise InvalidInput("; ".join(error.messages)) from error
    return normalized


def _set_password(user: User, password: str | None) -> None:
    if password is None:
        user.set_unusable_password()
        return
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput("; ".join(error.messages)) from error
    user.set_password(password)


@transaction.atomic
def issue_token(
    *,
    actor: Actor,
    user: User,
    scopes: Iterable[str] | None = None,
    expires_in: timedelta,
    label: str = "",
) -> tuple[ApiToken, str]:
    """Issue a token for a user and return it with its secret, which is not stored. By default it has DEFAULT_SCOPES.

    Raises InvalidInput.
    """
    chosen = DEFAULT_SCOPES if scopes is None else scopes
    token, secret = store_token(user=user, scopes=chosen, expires_in=expires_in, label=label)
    record(
        actor=actor,
        action=Action.ACCOUNT_TOKEN_ISSUED,
        obj=user_ref(user.username),
        after={"token": token.pk, "scopes": token.scopes, "expires_at": token.expires_at, "label": token.label},
    )
    return token, secret


def store_token(*, user: User, scopes: Iterable[str], expires_in: timedelta, label: str) -> tuple[ApiToken, str]:
    """Store a new token without an event, which the caller records, and return it with its secret.

    Raises InvalidInput.
    """
    chosen = sorted(set(scopes))
    if unknown := [scope for scope in chosen if scope not in ALL_SCOPES]:
        raise InvalidInput(f"There is no scope {unknown[0]}. Choose from {', '.join(sorted(ALL_SCOPES))}.")
    if not timedelta(0) < expires_in <= MAX_TOKEN_LIFE:
        raise InvalidInput(f"The lifetime of a token must be positive and at most {MAX_TOKEN_LIFE.days} days.")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        label=label[:100],
        digest=token_digest(secret),
        hint=secret[:10],
        scopes=[str(scope) for scope in chosen],
        expires_at=timezone.now() + expires_in,
    )
    return token, secret


@transaction.atomic
def revoke_token(*, actor: Actor, token: ApiToken) -> None:
    """Revoke a token. Revoking it twice changes nothing."""
    locked = ApiToken.objects.select_for_update().select_related("user").get(pk=token.pk)
    if locked.revoked_at is not None:
        return
    locked.revoked_at = timezone.now()
    locked.save(update_fields=["revoked_at"])
    record(
        actor=actor,
        action=Action.ACCOUNT_TOKEN_REVOKED,
        obj=user_ref(locked.user.username),
        before={"token": locked.pk, "label": TextOf(locked.user.username, locked.label)},
    )
