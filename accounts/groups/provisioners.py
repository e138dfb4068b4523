"""Permission to provision accounts: for tokens of the one service account that the operator named."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group

from audit.actions import Action
from core.actors import Actor, ActorKind, Scope
from core.errors import Denied


def may_provision(actor: Actor) -> bool:
    """Return whether an actor may provision: CUSTODY_SCIM_ACCOUNT, with a token that has the scope."""
    is_account = actor.kind is ActorKind.SERVICE and bool(actor.name) and actor.name == settings.SCIM_ACCOUNT
    return is_account and actor.auth == "token" and Scope.ACCOUNTS_PROVISION in actor.scopes


def require_provisioner(actor: Actor, obj: str) -> None:
    """Raise Denied, on the object, unless the actor may provision accounts."""
    if not may_provision(actor):
        message = "Only a token of the account CUSTODY_SCIM_ACCOUNT with the scope accounts:provision may do this."
        raise Denied(message, action=Action.API_CALLED, obj=obj)


def may_fill(actor: Actor, group: Group) -> bool:
    """Return whether an actor may set the members of a group: a provisioner, and CUSTODY_SCIM_GROUPS names it."""
    return may_provision(actor) and group.name in settings.SCIM_GROUPS.values()
