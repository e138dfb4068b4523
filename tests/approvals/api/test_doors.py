"""Every door, every target: nothing governed moves without an approval, no event says it did, and with one it moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from approvals import tasks
from approvals.models import RequestState, TransitionRequest
from approvals.requests.transition import request_transition
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.errors import DomainError
from registry.models import Alias, ModelVersion
from registry.services.aliases import delete_alias, set_alias
from registry.services.models import create_model, delete_model, rename_model, set_model_tag
from registry.services.stages import archive_superseded, change_stage
from registry.services.versions import create_version, delete_version
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import approve, promote, publish
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture

ALIASES = "/api/2.0/mlflow/registered-models/alias"
STAGES = "/api/2.0/mlflow/model-versions/transition-stage"


@dataclass
class World:
    """Version 1 stands at every governed target; ada manages the model, ops is a superuser; both have tokens and
    sessions.
    """

    ada: Actor
    ops: Actor
    scripts: dict[str, Client]
    people: dict[str, Client]

    def json(self, who: str, method: str, path: str, **fields: Any) -> int:
        answer = self.scripts[who].generic(method, path, json.dumps(fields), content_type="application/json")
        return answer.status_code


def facts() -> tuple[Any, ...]:
    """Return where everything is, and how many events say that something moved."""
    versions = ModelVersion.objects.filter(deleted_at__isnull=True).order_by("model__name", "version")
    aliases = Alias.objects.order_by("model__name", "name").values_list("model__name", "name", "version__version")
    moved = Event.objects.filter(action__in=[Action.REGISTRY_STAGE_CHANGED, Action.REGISTRY_ALIAS_SET], outcome="ok")
    return list(versions.values_list("model__name", "version", "stage", "is_current")), list(aliases), moved.count()


@pytest.fixture
@recorded_fixture
def governed(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    for target in ("Production", "Staging", "@champion"):
        publish(target)
    first = new_version()
    new_version()
    promote(by_ada, by_bea, first)
    promote(by_ada, by_bea, first, "@champion")


@pytest.fixture
def world(governed: None, by_ada: Actor, ada: User, ops: User, acting: Acting) -> World:
    scripts, people = {}, {}
    for user in (ada, ops):
        secret = issue_token(actor=acting(user), user=user, expires_in=timedelta(hours=1))[1]
        scripts[user.username] = Client(headers={"Authorization": f"Bearer {secret}"})
        people[user.username] = Client()
        people[user.username].force_login(user)
    return World(by_ada, acting(ops), scripts, people)


Door = Callable[[World, str, str], object]


def mlflow(world: World, who: str, target: str) -> object:
    if target.startswith("@"):
        return world.json(who, "POST", ALIASES, name="fraud", alias=target[1:], version="2")
    return world.json(who, "POST", STAGES, name="fraud", version="2", stage=target)


def mlflow_ajax(world: World, who: str, target: str) -> object:
    if target.startswith("@"):
        return world.json(
            who, "POST", ALIASES.replace("/api/", "/ajax-api/"), name="fraud", alias=target[1:], version="2"
        )
    return world.json(who, "POST", STAGES.replace("/api/", "/ajax-api/"), name="fraud", version="2", stage=target)


def databricks(world: World, who: str, target: str) -> object:
    path = "/api/2.0/mlflow/databricks/model-versions/transition-stage"
    return world.json(who, "POST", path, name="fraud", version="2", stage=target, archive_existing_versions=False)


def rest(world: World, who: str, target: str) -> object:
    if target.startswith("@"):
        return world.json(who, "PUT", f"/api/v1/models/fraud/aliases/{target[1:]}", version=2)
    return world.json(who, "POST", "/api/v1/transition-requests", model="fraud", version=2, target=target)


def rest_rollback(world: World, who: str, target: str) -> object:
    return world.json(who, "POST", "/api/v1/models/fraud/rollback", reason="x", version=2, target=target)


def rest_glass(world: World, who: str, target: str) -> object:
    return world.json(who, "POST", "/api/v1/models/fraud/versions/2/break-glass", reason="x", target=target)


def console(world: World, who: str, target: str) -> object:
    page = "/models/fraud/versions/2/"
    if target.startswith("@"):
        return world.people[who].post(f"{page}alias/", {"alias": target})
    return world.people[who].post(f"{page}transition/{target}/", {"comment": ""})


def console_rollback(world: World, who: str, target: str) -> object:
    return world.people[who].post("/models/fraud/rollback/", {"version": "2", "reason": "x"})


def admin(world: World, who: str, target: str) -> object:
    version, alias = ModelVersion.objects.get(version=2), Alias.objects.get()
    forms = {
        f"/admin/registry/modelversion/{version.pk}/change/": {"stage": target, "is_current": "on"},
        f"/admin/registry/alias/{alias.pk}/change/": {"version": version.pk},
        "/admin/registry/alias/add/": {"name": "champion", "version": version.pk},
    }
    return [world.people[who].post(url, fields) for url, fields in forms.items()]


def service(world: World, who: str, target: str) -> object:
    actor = world.ops if who == "ops" else world.ada
    version = ModelVersion.objects.select_related("model").get(version=2)
    try:
        if target.startswith("@"):
            return set_alias(actor=actor, name="fraud", alias=target[1:], version=2)
        return change_stage(actor=actor, version=version, target=Stage(target), archive_existing=False, reason="x")
    except DomainError as error:
        return error


def worker(world: World, who: str, target: str) -> object:
    """Every task that moves anything, on a request that nobody approved."""
    rest(world, who, target)
    for request in TransitionRequest.objects.filter(state=RequestState.OPEN):
        tasks.apply_request(request.pk)
        tasks.settle_request(request.pk)
    tasks.apply_approved_requests()
    return tasks.archive_superseded()


def commands(world: World, who: str, target: str) -> object:
    call_command("publish_default_policies")
    return tasks.schedule_re_reviews()


DOORS: list[Door] = [
    mlflow,
    mlflow_ajax,
    databricks,
    rest,
    rest_rollback,
    rest_glass,
    console,
    console_rollback,
    admin,
    service,
    worker,
    commands,
]
TARGETS = ["Production", "Staging", "@champion"]


@pytest.mark.parametrize("who", ["ada", "ops"])
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_without_an_approval_nothing_moves(door: Door, who: str, world: World) -> None:
    before = facts()
    for target in TARGETS:
        door(world, who, target)
        assert facts() == before, target


@pytest.mark.parametrize("door", [mlflow, mlflow_ajax, console, service], ids=lambda door: door.__name__)
@pytest.mark.parametrize("target", TARGETS)
def test_with_an_approval_the_same_call_moves_it(door: Door, target: str, world: World, by_bea: Actor) -> None:
    mlflow(world, "ada", target)
    approve(by_bea, TransitionRequest.objects.get(state=RequestState.OPEN))
    before = facts()
    answer = door(world, "ada", target)
    assert answer == 200 or not isinstance(answer, int)
    assert facts() != before
    there = Alias.objects.filter(name=target[1:], version__version=2) if target.startswith("@") else None
    assert there.exists() if there is not None else ModelVersion.objects.get(version=2).stage == target


def test_a_protected_alias_is_refused_as_a_stage_is(world: World) -> None:
    fields = {"name": "fraud", "alias": "champion", "version": "2"}
    answer = world.scripts["ada"].generic("POST", ALIASES, json.dumps(fields), content_type="application/json")
    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (403, "PERMISSION_DENIED")
    assert body["message"].startswith("Promotion of fraud v2 to @champion is not approved yet.\n- reviewers:")
    assert "Request: http" in body["message"]
    assert Event.objects.filter(action="registry.alias.set", outcome="denied").count() == 1


# --- side doors: none of them brings a version anywhere, or another version behind the same name ---------------------


def rename_away(world: World) -> object:
    return rename_model(actor=world.ada, name="fraud", new_name="free")


def delete_the_model(world: World) -> object:
    return delete_model(actor=world.ops, name="fraud")


def delete_the_version(world: World) -> object:
    return delete_version(actor=world.ops, name="fraud", version=1)


def take_the_alias_off(world: World) -> object:
    """Without the right to move versions into or out of Production."""
    return delete_alias(actor=world.ada, name="fraud", alias="champion")


def take_a_name_that_reads_the_same(world: World) -> object:
    return set_alias(actor=world.ada, name="fraud", alias="Champion", version=2)


def take_a_name_with_a_foreign_letter(world: World) -> object:
    return set_alias(actor=world.ada, name="fraud", alias="ch\N{CYRILLIC SMALL LETTER A}mpion", version=2)


def register_a_model_that_reads_the_same(world: World) -> object:
    return create_model(actor=world.ada, name="Fraud")


def set_it_directly(world: World) -> object:
    return set_alias(actor=world.ops, name="fraud", alias="champion", version=2)


SIDE_DOORS: list[Callable[[World], object]] = [
    rename_away,
    delete_the_model,
    delete_the_version,
    take_the_alias_off,
    take_a_name_that_reads_the_same,
    take_a_name_with_a_foreign_letter,
    register_a_model_that_reads_the_same,
    set_it_directly,
]


@pytest.mark.parametrize("side", SIDE_DOORS, ids=lambda side: side.__name__)
def test_side_doors_are_shut(side: Callable[[World], object], world: World, settings: Any) -> None:
    settings.DEFAULT_MODEL_LEVEL = "edit"
    if side is take_the_alias_off:
        ModelVersion.objects.get(version=1).model.modelusergrant_set.all().delete()
    before = (facts(), Event.objects.filter(outcome="ok").count())
    with pytest.raises(DomainError):
        side(world)
    assert (facts(), Event.objects.filter(outcome="ok").count()) == before


def test_a_copy_starts_with_nothing(world: World) -> None:
    copy = create_version(actor=world.ada, name="fraud", source="models:/fraud/1")
    assert (copy.stage, copy.is_current, copy.approved_by) == ("None", False, "")
    assert not copy.aliases.exists()
    assert not TransitionRequest.objects.filter(version=copy).exists()
    before = facts()
    mlflow(world, "ada", "@champion")
    assert facts() == before


def test_taken_off_and_set_again_it_is_still_protected(world: World) -> None:
    delete_alias(actor=world.ops, name="fraud", alias="champion")
    before = facts()
    for door in (mlflow, rest, console, service):
        door(world, "ops", "@champion")
        assert facts() == before


def test_archiving_frees_no_place(world: World) -> None:
    first = ModelVersion.objects.select_related("model").get(version=1)
    change_stage(actor=world.ops, version=first, target=Stage.ARCHIVED, archive_existing=False, reason="Done.")
    before = facts()
    for door in DOORS:
        door(world, "ops", "Production")
        assert facts() == before, door.__name__
    assert not archive_superseded(actor=world.ops, version_id=first.pk)


def test_a_tag_that_policies_go_by_is_for_who_manages_the_model(world: World, cy: User, acting: Acting) -> None:
    publish(scope={"tags": {"region": "eu"}}, models="fraud*")
    with pytest.raises(DomainError, match="manage"):
        set_model_tag(actor=acting(cy), name="fraud", key="region", value="us")
    set_model_tag(actor=acting(cy), name="fraud", key="note", value="anybody's")
    set_model_tag(actor=world.ada, name="fraud", key="region", value="us")


def test_two_in_production_and_exactly_one_current(world: World, by_bea: Actor) -> None:
    mlflow(world, "ada", "Production")
    approve(by_bea, TransitionRequest.objects.get(state=RequestState.OPEN))
    assert mlflow(world, "ada", "Production") == 200
    stages = ModelVersion.objects.filter(stage="Production").order_by("version").values_list("version", "is_current")
    assert list(stages) == [(1, False), (2, True)]
    answer = world.scripts["ada"].get("/api/v1/models/fraud/production/versions").json()["versions"]
    assert [(row["version"], row["is_current"]) for row in answer] == [(2, True), (1, False)]
    assert world.scripts["ada"].get("/api/v1/models/fraud/production").json()["version"] == 2


def test_only_what_was_approved_is_found_by_the_alias(world: World, by_bea: Actor) -> None:
    def champion() -> str:
        answer = world.scripts["ada"].get(ALIASES, {"name": "fraud", "alias": "champion"})
        return str(answer.json()["model_version"]["version"])

    mlflow(world, "ada", "@champion")
    assert champion() == "1"
    approve(by_bea, TransitionRequest.objects.get(state=RequestState.OPEN))
    tasks.apply_approved_requests()
    assert champion() == "2"


def test_a_rename_within_the_same_policies_keeps_what_stands(world: World) -> None:
    for target in ("Production", "Staging", "@champion"):
        publish(target, models="fraud*")
    rename_model(actor=world.ada, name="fraud", new_name="fraud-2")
    before = facts()
    request = {"name": "fraud-2", "version": "2", "stage": "Production"}
    assert world.json("ada", "POST", STAGES, **request) == 403
    assert facts() == before


def test_a_request_is_no_way_round_either(world: World) -> None:
    with pytest.raises(DomainError):
        request_transition(actor=world.ops, name="fraud", version=2, target="@champion", archive_existing=False)
    assert Alias.objects.get().version.version == 1
