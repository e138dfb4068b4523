"""Administration of accounts by the APIs: set a password, grant superuser rights, deactivate an account."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.browser_sessions import DEACTIVATED, end_sessions
from accounts.changes import Change, note_change
from accounts.models import ApiToken, User
from accounts.reauthentication import require_password
from audit.actions import Action
from audit.services import record
from core.actors import Actor, ActorKind
from core.errors import Conflict, Denied, InvalidInput, NotFound
from core.refs import user_ref


def require_administrator(actor: Actor, action: Action, username: str) -> None:
    """Raise Denied unless the actor is a superuser or the system."""
    if actor.kind is not ActorKind.SYSTEM and not actor.is_superuser:
        raise Denied("Only superusers can manage accounts.", action=action, obj=user_ref(username[:150]))


def find_account(actor: Actor, username: str) -> User:
    """Return an active account. Only superusers may read the account of another person. Raises NotFound, Denied."""
    if username != actor.name:
        require_administrator(actor, Action.API_CALLED, username)
    account = User.objects.filter(username=username, is_active=True).first()
    if account is None:
        raise NotFound(f"User with username={username[:150]} not found")
    return account


def set_password(*, actor: Actor, username: str, password: str, current: str = "") -> None:
    """Set a password. Superusers may set the password of every person.

    Everybody may set their own password, and must give the current one.

    Raises Denied, NotFound, InvalidInput (a weak password, the current password, a service account).
    """
    account = find_account(actor, username)
    if account.is_service:
        raise InvalidInput("A service account has no password. Issue a token for it.")
    if username == actor.name:
        require_password(actor, account, current, Action.ACCOUNT_REAUTHENTICATED)
    _set_password(actor, account, password)


@transaction.atomic
def _set_password(actor: Actor, account: User, password: str) -> None:
    user = _locked(account)
    if user.check_password(password):
        raise InvalidInput("The new password is the same as the current password.")
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput("; ".join(error.messages)) from error
    user.set_password(password)
    user.save(update_fields=["password"])
    note_change(actor=actor, account=user, kind=Change.PASSWORD_SET)
    end_sessions(actor=actor, user=user, reason="the password was set")
    changed = "set by its owner" if user.username == actor.name else "set by an administrator"
    record(actor=actor, action=Action.ACCOUNT_USER_CHANGED, obj=user_ref(user.username), after={"password": changed})


@transaction.atomic
def set_superuser(*, actor: Actor, username: str, is_superuser: bool) -> None:
    """Grant superuser rights to a person, or revoke them.

    Raises Denied, NotFound, InvalidInput (a service account), Conflict.
    """
    require_administrator(actor, Action.ACCOUNT_USER_CHANGED, username)
    user = _locked(find_account(actor, username))
    if user.is_service and is_superuser:
        raise InvalidInput("A service account cannot be a superuser.")
    if username == actor.name and not is_superuser:
        raise Conflict("You cannot revoke your own superuser rights. Ask another superuser.")
    if user.is_superuser == is_superuser:
        return
    user.is_superuser = user.is_staff = is_superuser
    user.save(update_fields=["is_superuser", "is_staff"])
    facts = {"superuser": not is_superuser}, {"superuser": is_superuser}
    record(actor=actor, action=Action.ACCOUNT_USER_CHANGED, obj=user_ref(username), before=facts[0], after=facts[1])


@transaction.atomic
def deactivate_user(*, actor: Actor, username: str) -> None:
    """Deactivate an account and revoke its tokens. Its name is not used again, because runs and events refer to it.

    Raises Denied, NotFound, Conflict (the actor's own account).
    """
    require_administrator(actor, Action.ACCOUNT_USER_CHANGED, username)
    user = _locked(find_account(actor, username))
    if username == actor.name:
        raise Conflict("You cannot deactivate your own account. Ask another superuser.")
    end_account(actor=actor, user=user)


def end_account(*, actor: Actor, user: User) -> None:
    """Deactivate a locked account: end its sessions, revoke its tokens, record it. The caller has the permission."""
    user.is_active = False
    user.save(update_fields=["is_active"])
    end_sessions(actor=actor, user=user, reason=DEACTIVATED)
    revoked = ApiToken.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=timezone.now())
    record(
        actor=actor,
        action=Action.ACCOUNT_USER_CHANGED,
        obj=user_ref(user.username),
        before={"active": True},
        after={"active": False, "tokens_ended": revoked},
    )


def _locked(user: User) -> User:
    return User.objects.select_for_update(of=("self",)).get(pk=user.pk)
