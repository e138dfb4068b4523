"""Provisioned accounts: making, changing, deactivating and activating them, as the identity provider says.

A provider sees only accounts that it made, and those that a command handed over to it. A name is never given to
somebody else, so a deleted account comes back only with the provider's id that it had.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts.administration import end_account, require_administrator
from accounts.changes import Change, note_change
from accounts.groups.provisioners import require_provisioner
from accounts.models import LONGEST_DISPLAY_NAME, LONGEST_EXTERNAL_ID, ProvisionedAccount, User
from accounts.oidc.invitations import is_email
from accounts.provisioning.queries import find_account
from accounts.services import create_user
from audit.actions import Action
from audit.services import record
from audit.texts.owners import TextOf
from core.actors import Actor
from core.errors import AlreadyExists, Conflict, InvalidInput, InvalidState, NotFound
from core.refs import user_ref

_LONGEST_NAME = 150


@dataclass(frozen=True, slots=True)
class Profile:
    """The facts that a provider sends about a person. ``active`` is None where it sends none."""

    external_id: str = ""
    display_name: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    active: bool | None = None


@transaction.atomic
def create_account(*, actor: Actor, username: str, profile: Profile) -> ProvisionedAccount:
    """Make an account without a password, or bring back one that the provider deleted, and return it.

    Raises Denied, InvalidInput, AlreadyExists (the name, or the provider's id), InvalidState (somebody here deactivated
    it), Conflict (the last superuser), NotFound.
    """
    require_provisioner(actor, user_ref(username[:150]))
    _check(profile)
    row = _deleted(username, profile.external_id)
    if row is None:
        _require_free(profile.external_id)
        user = create_user(actor=actor, username=username)
        row = ProvisionedAccount.objects.create(account=user, external_id=profile.external_id)
        _record(actor, user, {}, {"provisioned": True, **_texts(user, {"external_id": profile.external_id})})
    else:
        row.deleted_at = None
        row.save()
        _record(actor, row.account, {"provisioned": False}, {"provisioned": True})
        if not row.account.is_active:
            _activate(actor, row)
    return _changed(actor, row, profile)


@transaction.atomic
def update_account(*, actor: Actor, account_id: str, profile: Profile) -> ProvisionedAccount:
    """Set the facts that the provider sends about an account, and return it.

    Raises Denied, NotFound, InvalidInput, AlreadyExists (the provider's id), InvalidState (somebody here deactivated
    it), Conflict (the last superuser).
    """
    require_provisioner(actor, user_ref(account_id[:50]))
    row = find_account(account_id, lock=True)
    _check(profile)
    if profile.external_id != row.external_id:
        _require_free(profile.external_id)
    return _changed(actor, row, profile)


@transaction.atomic
def delete_account(*, actor: Actor, account_id: str) -> None:
    """Deactivate an account and hide it from the provider: runs and events refer to it, so it stays.

    Raises Denied, NotFound, Conflict (the last superuser).
    """
    require_provisioner(actor, user_ref(account_id[:50]))
    row = find_account(account_id, lock=True)
    if row.account.is_active:
        _deactivate(actor, row)
    row.deleted_at = timezone.now()
    row.save()
    _record(actor, row.account, {"provisioned": True}, {"provisioned": False})


@transaction.atomic
def hand_over(*, actor: Actor, username: str, external_id: str) -> ProvisionedAccount:
    """Let the provider provision an account that is here already, as the person with this id there.

    Raises Denied (for everybody but superusers and commands), NotFound, InvalidInput, AlreadyExists.
    """
    require_administrator(actor, Action.ACCOUNT_USER_CHANGED, username)
    _check(Profile(external_id=external_id))
    rows = User.objects.select_for_update(of=("self",)).filter(username=username[:150], is_service=False)
    user = None if "\x00" in username else rows.first()
    if user is None:
        raise NotFound(f"There is no person called {username[:150]}.")
    if ProvisionedAccount.objects.filter(account=user).exists():
        raise AlreadyExists(f"The provider provisions {user.username} already.")
    _require_free(external_id)
    row = ProvisionedAccount.objects.create(account=user, external_id=external_id)
    _record(actor, user, {"provisioned": False}, {"provisioned": True, **_texts(user, {"external_id": external_id})})
    return row


def _changed(actor: Actor, row: ProvisionedAccount, profile: Profile) -> ProvisionedAccount:
    user = row.account
    if profile.active is not None and profile.active != user.is_active:
        (_activate if profile.active else _deactivate)(actor, row)
    changed = _set(user, profile, ("first_name", "last_name", "email"))
    if changed:
        user.save(update_fields=list(changed))
    changed |= _set(row, profile, ("external_id", "display_name"))
    if changed:
        before, after = ({name: facts[place] for name, facts in changed.items()} for place in (0, 1))
        _record(actor, user, _texts(user, before), _texts(user, after))
    if user.is_active:  # somebody here may have activated it since the provider deactivated it
        row.ended_at = None
    row.save()
    return find_account(str(user.pk))


def _set(row: User | ProvisionedAccount, profile: Profile, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Set fields to what a provider says; return those that changed, with the values before and after."""
    values = {name: (getattr(row, name), getattr(profile, name)) for name in names}
    changed = {name: pair for name, pair in values.items() if pair[0] != pair[1]}
    for name, (_before, after) in changed.items():
        setattr(row, name, after)
    return changed


def _deactivate(actor: Actor, row: ProvisionedAccount) -> None:
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=row.account_id)
    if row.account.is_superuser and not others.exists():
        raise Conflict(f"{row.account.username} is the only superuser. Make somebody else one first.")
    end_account(actor=actor, user=row.account)
    row.ended_at = timezone.now()


def _activate(actor: Actor, row: ProvisionedAccount) -> None:
    if row.ended_at is None:
        raise InvalidState(f"{row.account.username} was deactivated here. A superuser activates the account.")
    row.ended_at = None
    row.account.is_active = True
    row.account.save(update_fields=["is_active"])
    note_change(actor=actor, account=row.account, kind=Change.ACTIVATED)
    _record(actor, row.account, {"active": False}, {"active": True})


def _deleted(username: str, external_id: str) -> ProvisionedAccount | None:
    """Return the deleted account of this name with this id of the provider; None where there is none."""
    rows = ProvisionedAccount.objects.select_for_update(of=("self", "account")).select_related("account")
    named = rows.filter(deleted_at__isnull=False, external_id=external_id, account__username__iexact=username)
    return named.first() if external_id and "\x00" not in username else None


def _require_free(external_id: str) -> None:
    taken = ProvisionedAccount.objects.filter(external_id=external_id).select_related("account").first()
    if external_id and taken is not None:
        raise AlreadyExists(f"The account {taken.account.username} has the externalId {external_id}.")


def _check(profile: Profile) -> None:
    limits = {
        "givenName": (profile.first_name, _LONGEST_NAME),
        "familyName": (profile.last_name, _LONGEST_NAME),
        "displayName": (profile.display_name, LONGEST_DISPLAY_NAME),
        "externalId": (profile.external_id, LONGEST_EXTERNAL_ID),
    }
    for name, (text, limit) in limits.items():
        if len(text) > limit or not text.isprintable():
            raise InvalidInput(f"The {name} may have {limit} characters that can be printed.")
    if profile.email and not is_email(profile.email):
        raise InvalidInput(f"{profile.email[:100]} is not an e-mail address.")


def _texts(user: User, facts: dict[str, str]) -> dict[str, object]:
    return {name: TextOf(user.username, value) for name, value in facts.items()}


def _record(actor: Actor, user: User, before: dict[str, object], after: dict[str, object]) -> None:
    record(actor=actor, action=Action.ACCOUNT_USER_CHANGED, obj=user_ref(user.username), before=before, after=after)
