"""Changes of accounts and who made them: a verdict uses them to find accounts that were created in order to approve.

Each interface records the actor. Signals record changes by other means, such as a shell, without a name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Count, F, Q
from django.db.models.signals import m2m_changed, post_save, pre_save
from django.dispatch import receiver

from accounts.authentication import find_signed_in_person
from accounts.models import AccountChange, AccountConfirmation, User
from audit.actions import Action
from audit.services import record
from core.actors import Actor, ActorKind
from core.errors import Denied, InvalidInput, NotFound
from core.refs import user_ref

MAX_REASON = 1000
# The number of superusers who must confirm an account before an earlier change of it is ignored.
CONFIRMATIONS = 2


class Change(StrEnum):
    """The kinds of change that can let somebody else use an account, or give the account review rights."""

    CREATED = "created"
    GROUP_ADDED = "group_added"
    GROUP_EXTENDED = "group_extended"
    OWNER_ADDED = "owner_added"
    PASSWORD_SET = "password_set"  # noqa: S105 - a word, not a secret
    ACTIVATED = "activated"
    MADE_A_PERSON = "made_a_person"


def note_change(*, actor: Actor, account: User, kind: Change, details: Iterable[str] = ("",)) -> None:
    """Record that the actor changed somebody else's account, in the transaction that changes it.

    What a service account changes, its owner has changed: who owns it holds its tokens.
    """
    if actor.user_id == account.pk:
        return
    made_by = _person_behind(actor)
    AccountChange.objects.bulk_create(
        [AccountChange(account=account, kind=kind, detail=detail[:150], made_by=made_by) for detail in details]
    )


def _person_behind(actor: Actor) -> str:
    if actor.kind is not ActorKind.SERVICE:
        return actor.name
    owner = User.objects.filter(pk=actor.user_id or 0).values_list("owner__username", flat=True).first()
    return owner or actor.name


def note_differences(*, actor: Actor, account: User, before: dict[str, object], groups: Collection[str]) -> None:
    """Record the differences of an account from its facts before: added groups, activation, no longer a service."""
    groups_before = before.get("groups")
    added = sorted(set(groups) - set(groups_before if isinstance(groups_before, list) else ()))
    if added:
        note_change(actor=actor, account=account, kind=Change.GROUP_ADDED, details=added)
    if before and account.is_active and not before.get("active"):
        note_change(actor=actor, account=account, kind=Change.ACTIVATED)
    if before and not account.is_service and before.get("service"):
        note_change(actor=actor, account=account, kind=Change.MADE_A_PERSON)


def changes_since(at: datetime) -> list[AccountChange]:
    """Return the unconfirmed changes of accounts since a moment whose author is known; one query.

    A change is confirmed once `CONFIRMATIONS` superusers have confirmed the account after the change.
    """
    later = Q(account__confirmations__confirmed_at__gt=F("at"), account__confirmations__confirmed_by__is_superuser=True)
    confirmed = Count("account__confirmations__confirmed_by", filter=later, distinct=True)
    rows = AccountChange.objects.filter(at__gte=at).exclude(made_by="").annotate(confirmed=confirmed)
    return list(rows.filter(confirmed__lt=CONFIRMATIONS).select_related("account").order_by("pk"))


@transaction.atomic
def confirm_account(*, actor: Actor, username: str, reason: str) -> AccountConfirmation:
    """Confirm that an account belongs to a person whose approvals count. Two superusers must confirm it.

    Raises Denied unless the actor is a superuser who is signed in, and for the actor's own account. Also raises
    NotFound, InvalidInput (the reason is missing or too long).
    """
    obj = user_ref(username)
    person = find_signed_in_person(actor)
    if person is None or not person.is_superuser:
        raise Denied(
            "Only a superuser who is signed in may confirm an account.", action=Action.ACCOUNT_CONFIRMED, obj=obj
        )
    account = User.objects.filter(username=username).first()
    if account is None:
        raise NotFound(f"There is no account {username[:150]}.")
    if account.pk == person.pk:
        raise Denied("Somebody else must confirm your account.", action=Action.ACCOUNT_CONFIRMED, obj=obj)
    why = reason.strip()
    if not why or "\x00" in why or len(why) > MAX_REASON:
        raise InvalidInput(f"Say why, in 1 to {MAX_REASON} characters.")
    row = AccountConfirmation(account=account, confirmed_by=person, reason=why)
    row.save()
    record(actor=actor, action=Action.ACCOUNT_CONFIRMED, obj=obj, after={"confirmation": row.pk}, reason=why)
    return row


@receiver(post_save, sender=User, dispatch_uid="accounts.changes.created")
def _note_created(instance: User, created: bool, **_kwargs: Any) -> None:  # noqa: FBT001 - Django's signature
    if created:
        AccountChange(account=instance, kind=Change.CREATED).save()


@receiver(pre_save, sender=User, dispatch_uid="accounts.changes.password")
def _note_password(instance: User, update_fields: Collection[str] | None = None, **_kwargs: Any) -> None:
    if instance.pk is None or (update_fields is not None and "password" not in update_fields):
        return
    before = User.objects.filter(pk=instance.pk).values_list("password", flat=True).first()
    if before is not None and before != instance.password:
        AccountChange(account=instance, kind=Change.PASSWORD_SET).save()


@receiver(m2m_changed, sender=User.groups.through, dispatch_uid="accounts.changes.groups")
def _note_groups(instance: User | Group, action: str, pk_set: set[int] | None, **_kwargs: Any) -> None:
    if action != "post_add" or not pk_set:
        return
    if isinstance(instance, Group):
        rows = [AccountChange(account_id=pk, kind=Change.GROUP_ADDED, detail=instance.name) for pk in sorted(pk_set)]
    else:
        names = Group.objects.filter(pk__in=pk_set).order_by("name").values_list("name", flat=True)
        rows = [AccountChange(account=instance, kind=Change.GROUP_ADDED, detail=name) for name in names]
    AccountChange.objects.bulk_create(rows)
