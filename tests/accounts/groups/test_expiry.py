"""A membership that has expired gives no right to any reader, before any task has run; people are told before."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.groups.expiry import sweep_memberships
from accounts.groups.members import add_member, set_expiry
from accounts.models import MEMBERSHIPS_IN_FORCE, Membership, User
from accounts.tasks import sweep_memberships as sweep_task
from approvals.case.reviewer_roles import groups_of, review_rights
from approvals.permissions.oversight import refusal_to_break_glass
from approvals.permissions.policies import refusal_to_propose
from approvals.questions.past_accounts import accounts_at
from audit.models import Event
from audit.queries import facts
from audit.subjects import may_read_whole_log
from console.people.access_review import access_rows
from console.people.queries import group_rows, people_rows
from core.actors import Actor
from lineage.openlineage.reads import visible_events
from lineage.quarantine import may_quarantine
from notices.models import Notice
from notices.people import responsible_people
from notices.queries import policy_reviewers
from policies.rules import BreakGlass
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import Level, granted_levels, granted_models, level_of, store_grants, visible_models
from registry.services.models import create_model
from tests.accounts.groups.conftest import Expire
from tests.approvals.governed import publish
from tests.architecture.source import ROOT, modules, tree_of, walk
from tests.conftest import Acting
from tests.console.conftest import SignedIn, text_of
from tracking.models import Experiment, ExperimentGrant, ExperimentLevel, PatternGrant
from tracking.permissions.levels import level_on, visible_experiments
from webhooks.permissions import is_operator

GROUPS = ("auditors", "operators", "reviewers", "policy-editors", "policy-reviewers", "team", "incident")


@dataclass(frozen=True)
class World:
    """A model and an experiment that only the group `team` may see, and cy as an actor."""

    cy: User
    actor: Actor
    model: RegisteredModel
    experiment: Experiment


@pytest.fixture
def world(cy: User, ada: User, by_ops: Actor, acting: Acting, settings: Settings) -> World:
    settings.DEFAULT_MODEL_LEVEL = settings.DEFAULT_EXPERIMENT_LEVEL = "none"
    for name in GROUPS:
        Group.objects.get_or_create(name=name)
    team = Group.objects.get(name="team")
    model = create_model(actor=acting(ada), name="fraud")
    store_grants(model, [(team, Level.MANAGE)], replace=False)
    experiment = Experiment.objects.create(name="team/churn", created_ms=1, updated_ms=1)
    ExperimentGrant.objects.create(experiment=experiment, group=team, level=ExperimentLevel.READ)
    PatternGrant.objects.create(pattern="team/*", like_pattern="team/%", group=team, level=ExperimentLevel.EDIT)
    return World(cy, acting(cy), model, experiment)


# Everything that asks for memberships, by what it answers: a right, a list of people, or a level.
READERS: dict[str, Callable[[World], Any]] = {
    "User.groups": lambda world: sorted(world.cy.groups.values_list("name", flat=True)),
    "Group.user_set": lambda _world: list(Group.objects.get(name="team").user_set.values_list("username", flat=True)),
    "the view in SQL": lambda world: _in_sql(world.cy.pk),
    "reading the whole log": lambda world: may_read_whole_log(world.actor),
    "break-glass": lambda world: refusal_to_break_glass(
        world.actor, _version(world), BreakGlass(groups=("incident",), second_person=True, post_review_within=timedelta(hours=1))
    ) is None,
    "proposing policies": lambda world: refusal_to_propose(world.actor) is None,
    "reviewers of policies": lambda _world: sorted(policy_reviewers().values_list("username", flat=True)),
    "groups of a reviewer": lambda world: sorted(groups_of(world.actor)),
    "review rights": lambda world: review_rights([(world.model.pk, world.cy.pk)]),
    "visible models": lambda world: list(visible_models(world.actor)),
    "level on a model": lambda world: level_of(world.actor, world.model),
    "granted levels": lambda world: granted_levels({world.model.pk}, {world.cy.pk}),
    "granted models": lambda world: list(granted_models(world.cy.pk, Level.READ)),
    "visible experiments": lambda world: list(visible_experiments(world.actor)),
    "level on an experiment": lambda world: level_on(world.actor, world.experiment.pk),
    "quarantines": lambda world: may_quarantine(world.actor, people_only=True),
    "events of lineage": lambda world: "actor_ref" in str(visible_events(world.actor).query.where),
    "operators": lambda world: is_operator(world.actor),
    "people responsible for a model": lambda world: responsible_people(world.model, []),
    "people and their groups": lambda world: [
        sorted(group.name for group in row.groups.all()) for row in people_rows().filter(pk=world.cy.pk)
    ],
    "numbers of members": lambda _world: [row.name for row in group_rows() if vars(row)["member_count"]],
    "access review": lambda world: sorted(row.decision for row in access_rows(world.actor) if row.username == "cy"),
}  # fmt: skip


def _in_sql(user_id: int) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT group_id FROM {MEMBERSHIPS_IN_FORCE} WHERE user_id = %s ORDER BY 1", [user_id])  # noqa: S608 - a constant
        return cursor.fetchall()


def _version(world: World) -> Any:
    return ModelVersion(model=world.model, version=1)


@pytest.mark.parametrize("reader", READERS)
def test_an_expired_membership_is_none(reader: str, world: World, expire: Expire) -> None:
    read = READERS[reader]
    stranger = read(world)
    world.cy.groups.set(Group.objects.filter(name__in=GROUPS))
    Membership.objects.filter(user=world.cy).update(expires_at=timezone.now() + timedelta(hours=1))
    member = read(world)
    assert member != stranger
    for name in GROUPS:
        expire(world.cy, name)
    assert read(world) == stranger
    assert Membership.objects.filter(user=world.cy).count() == len(GROUPS), "no task has run"


def test_only_memberships_read_the_table_of_all() -> None:
    """Rights are read from the view: what asks the table itself is listed here."""
    readers = set()
    for path in modules():
        names = {node.id for node in walk(tree_of(path)) if isinstance(node, ast.Name)}
        if "Membership" in names or "accounts_membership" in path.read_text():
            readers.add(str(path.relative_to(ROOT)))
    assert readers == {
        "accounts/groups/api.py",
        "accounts/groups/expiry.py",
        "accounts/groups/members.py",
        "accounts/groups/queries.py",
    }


def test_who_has_expired_is_added_again(owner: User, by_bea: Actor, cy: User, expire: Expire) -> None:
    team = Group.objects.get(name="team")
    add_member(actor=by_bea, group="team", username="cy", expires_at=timezone.now() + timedelta(days=1))
    expire(cy, "team")
    add_member(actor=by_bea, group="team", username="cy")
    assert list(cy.groups.all()) == [team]
    expire(cy, "team")
    cy.groups.add(team)  # as the admin and a sign-in do
    assert list(cy.groups.all()) == [team]
    assert Membership.objects.filter(user=cy).count() == 1


def test_member_and_owners_are_told_before_and_after(owner: User, by_bea: Actor, cy: User, signed_in: SignedIn) -> None:
    ends = timezone.now() + timedelta(days=20)
    add_member(actor=by_bea, group="team", username="cy", expires_at=ends)
    assert sweep_task() == 0
    assert sweep_memberships(now=ends - timedelta(days=10)) == 1
    assert sweep_memberships(now=ends - timedelta(days=9)) == 0
    titles = {(row.person.username, row.title) for row in Notice.objects.select_related("person")}
    day = ends.date().isoformat()
    assert titles == {
        ("cy", f"Your membership of team ends on {day}"),
        ("bea", f"The membership of cy in team ends on {day}"),
    }
    Notice.objects.all().delete()
    assert sweep_memberships(now=ends) == 1
    assert {row.title for row in Notice.objects.all()} == {
        "Your membership of team has expired", "The membership of cy in team has expired",
    }  # fmt: skip
    assert not Membership.objects.filter(user=cy).exists()
    ended = Event.objects.get(action="account.membership.expired")
    assert (facts(ended)["before"]["groups"], facts(ended)["after"]["groups"]) == (["team"], [])
    assert accounts_at(timezone.now())["cy"].groups == {}
    assert text_of(signed_in(cy).get("/groups/team/"))


def test_an_extended_membership_is_announced_again(owner: User, by_bea: Actor, cy: User) -> None:
    ends = timezone.now() + timedelta(days=3)
    add_member(actor=by_bea, group="team", username="cy", expires_at=ends)
    assert [sweep_task(), sweep_task()] == [1, 0]
    set_expiry(actor=by_bea, group="team", username="cy", expires_at=ends + timedelta(days=1))
    assert [sweep_memberships(), sweep_memberships()] == [1, 0]


def test_the_access_review_says_until_when(owner: User, by_ops: Actor, cy: User, world: World) -> None:
    publish()
    ends = timezone.now() + timedelta(days=5)
    add_member(actor=by_ops, group="reviewers", username="cy", expires_at=ends)
    rows = [row for row in access_rows(by_ops) if row.username == "cy"]
    assert [(row.source, row.expires) for row in rows] == [("member of reviewers", ends)]
