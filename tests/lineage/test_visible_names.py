"""The names of models that an actor may see: the same as `visible_models` for everybody, in one statement."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from accounts.principals import PrincipalKind
from core.actors import Actor, ActorKind, system_actor
from registry.models import RegisteredModel
from registry.permissions import Grant, Level, visible_models
from registry.services.models import create_model
from registry.services.permissions import set_permissions
from registry.visible_names import visible_names
from tests.conftest import Acting

pytestmark = pytest.mark.django_db
NAMES = ["hers", "granted", "of-group", "gone", 'odd "name" {a,b}\\', "never"]


@pytest.fixture
def models(ada: User, bea: User, cy: User, ops: User, acting: Acting) -> None:
    """Models of ada's; cy has a grant on one, and cy's group one on another."""
    by_ada = acting(ada)
    for name in NAMES[:-1]:
        create_model(actor=by_ada, name=name)
    group = Group.objects.create(name="team")
    cy.groups.add(group)
    for name, kind, holder in (("granted", PrincipalKind.USER, "cy"), ("of-group", PrincipalKind.GROUP, "team")):
        set_permissions(actor=by_ada, name=name, grants=[Grant(kind, holder, Level.READ)], replace=False)
    RegisteredModel.objects.filter(name="gone").update(deleted_at=timezone.now())


@pytest.mark.parametrize("default", ["none", "read"])
def test_everybody_sees_the_names_of_the_models_that_they_see(
    models: None, default: str, settings: Settings, acting: Acting
) -> None:
    settings.DEFAULT_MODEL_LEVEL = default
    people = [acting(user) for user in User.objects.all()]
    for actor in [*people, system_actor("test"), Actor(kind=ActorKind.ANONYMOUS, name="")]:
        expected = set(visible_models(actor).filter(name__in=NAMES).values_list("name", flat=True))
        assert visible_names(actor, NAMES) == expected
    if default == "none":
        cy = next(actor for actor in people if actor.name == "cy")
        assert visible_names(cy, NAMES) == {"granted", "of-group"}


def test_one_statement_and_none_for_no_name(
    models: None, ops: User, acting: Acting, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    by_ops = acting(ops)
    with django_assert_num_queries(1):
        visible_names(by_ops, NAMES)
    with django_assert_num_queries(0):
        assert visible_names(by_ops, []) == set()
