from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.groups.owners import add_owner
from accounts.models import Membership, User
from core.actors import Actor
from tests.accounts.oidc.conftest import identity_server, provider, signing_key
from tests.conftest import Acting
from tests.console.conftest import signed_in

__all__ = ["identity_server", "provider", "signed_in", "signing_key"]

Expire = Callable[[User, str], None]


@pytest.fixture
def by_ops(ops: User, acting: Acting) -> Actor:
    return acting(ops)


@pytest.fixture
def by_bea(bea: User, acting: Acting) -> Actor:
    return acting(bea)


@pytest.fixture
def owner(bea: User, by_ops: Actor) -> User:
    """Bea, who owns the group `team`."""
    Group.objects.create(name="team")
    add_owner(actor=by_ops, group="team", username="bea")
    return bea


@pytest.fixture
def expire() -> Expire:
    """Let the membership of an account in a group have ended a moment ago; no task has run since."""

    def end(user: User, group: str) -> None:
        rows = Membership.objects.filter(user=user, group__name=group)
        assert rows.update(expires_at=timezone.now() - timedelta(seconds=2)) == 1

    return end
