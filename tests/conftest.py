"""The cast: ada writes models, bea reviews them, cy is an outsider, ops runs the server, bot is ada's service account."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from audit.actors import Actor, ActorKind

Acting = Callable[[User], Actor]


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada", password="ada-password-1")


@pytest.fixture
def bea(db: None) -> User:
    user = User.objects.create_user("bea", password="bea-password-1")
    user.groups.add(Group.objects.get_or_create(name="reviewers")[0])
    return user


@pytest.fixture
def cy(db: None) -> User:
    return User.objects.create_user("cy", password="cy-password-12")


@pytest.fixture
def ops(db: None) -> User:
    return User.objects.create_superuser("ops", password="ops-password-1")


@pytest.fixture
def bot(ada: User) -> User:
    return User.objects.create_user("bot", is_service=True, owner=ada)


@pytest.fixture
def acting() -> Acting:
    """Return the Actor of a user, as a door would make it."""

    def as_actor(user: User) -> Actor:
        return Actor(
            kind=ActorKind.SERVICE if user.is_service else ActorKind.USER,
            name=user.username,
            user_id=user.pk,
            auth="test",
            is_superuser=user.is_superuser,
            request_id="test",
        )

    return as_actor
