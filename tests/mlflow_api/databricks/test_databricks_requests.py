"""Transition requests over the Databricks wire: shapes, who may do what, and that nothing else happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.models import User
from approvals.models import RequestState, Review, TransitionRequest
from audit.models import Event
from registry.cards import HUMAN_KEYS
from registry.models import ModelVersion
from registry.permissions import Level, grant_level
from registry.services.cards import edit_card
from tests.approvals.conftest import (
    NewVersion,
    _own_store,
    by_ada,
    by_bea,
    new_version,
    policies,
    run_checks,
    serving,
)
from tests.approvals.requests.test_who_decides import ask_for
from tests.mlflow_api.databricks_fixtures import APPROVE, MOVE, ONE, Asked, Workspace, WorkspaceOf, asked, in_person
from tests.mlflow_api.registry_fixtures import Api, ApiOf, Json, api, api_of

__all__ = [
    "_own_store",
    "api",
    "api_of",
    "asked",
    "by_ada",
    "by_bea",
    "in_person",
    "new_version",
    "policies",
    "run_checks",
    "serving",
]  # fmt: skip


def listed(api: Api) -> list[Json]:
    return api.ok("GET", "transition-requests/list", **ONE)["requests"]  # type: ignore[no-any-return]  # JSON


@pytest.fixture
def bea_on_wire(bea: User, in_person: WorkspaceOf) -> Workspace:
    return in_person(bea)


def test_create_answers_the_request(policies: object, new_version: NewVersion, api: Api) -> None:
    new_version()
    made = api.ok("POST", "transition-requests/create", **MOVE, comment="Better on March.")["request"]
    assert (made["to_stage"], made["user_id"], made["comment"]) == ("Production", "ada", "Better on March.")
    assert made["available_actions"] == ["CANCEL_TRANSITION_REQUEST"]
    assert made["creation_timestamp"] > 1_000_000_000_000
    assert "archive_existing_versions" not in made
    assert {"rule", "why", "who_can_resolve", "since"} == set(made["blocked_by"][0])


def test_asking_again_returns_the_one_there_is(asked: Asked, api: Api, cy: User, api_of: ApiOf) -> None:
    request = asked()
    for caller in (api, api_of(cy)):
        again = caller.ok("POST", "transition-requests/create", **MOVE)["request"]
        assert (again["request_id"], again["user_id"]) == (str(request.pk), "ada")
    assert TransitionRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"stage": "Archived"}, "INVALID_STATE"),
        ({"stage": "Live"}, "INVALID_PARAMETER_VALUE"),
        ({"version": "x"}, "INVALID_PARAMETER_VALUE"),
        ({"name": ""}, "INVALID_PARAMETER_VALUE"),
        ({"comment": "\x00"}, "INVALID_PARAMETER_VALUE"),
        ({"version": "2"}, "RESOURCE_DOES_NOT_EXIST"),
        ({"name": "other"}, "RESOURCE_DOES_NOT_EXIST"),
    ],
)
def test_what_cannot_be_asked(
    change: dict[str, str], code: str, policies: object, new_version: NewVersion, api: Api
) -> None:
    new_version()
    assert api.refused("POST", "transition-requests/create", **(MOVE | change))[1] == code
    assert not TransitionRequest.objects.exists()


def test_the_list_tells_each_viewer_what_they_may_do(
    asked: Asked, api: Api, api_of: ApiOf, bea: User, cy: User, in_person: WorkspaceOf
) -> None:
    asked()
    seen = {
        "ada by token": listed(api),
        "ada in person": listed(in_person(User.objects.get(username="ada"))),
        "bea by token": listed(api_of(bea)),
        "bea in person": listed(in_person(bea)),
        "cy in person": listed(in_person(cy)),
    }
    actions = {
        who: [str(word).partition("_")[0] for word in rows[0].get("available_actions", [])]
        for who, rows in seen.items()
    }
    assert actions == {
        "ada by token": ["CANCEL"],
        "ada in person": ["CANCEL"],
        "bea by token": [],
        "bea in person": ["APPROVE", "REJECT"],
        "cy in person": [],
    }


def test_a_listed_request_is_an_activity(asked: Asked, api: Api) -> None:
    request = asked(comment="Now.")
    row = listed(api)[0]
    opened = Event.objects.get(action="approvals.request.opened")
    assert row["id"] == str(opened.event_id)
    assert (row["activity_type"], row["from_stage"], row["to_stage"]) == ("REQUESTED_TRANSITION", "None", "Production")
    assert (row["user_id"], row["comment"], row["request_id"]) == ("ada", "Now.", str(request.pk))
    assert len(str(row["subject_digest"])) == 64


def test_a_person_approves_what_the_list_showed_and_it_is_carried_out(asked: Asked, bea_on_wire: Workspace) -> None:
    request = asked()
    listed(bea_on_wire)
    activity = bea_on_wire.ok("POST", "transition-requests/approve", **APPROVE)["activity"]
    assert (activity["activity_type"], activity["user_id"]) == ("APPROVED_REQUEST", "bea")
    assert (activity["comment"], activity["to_stage"]) == (APPROVE["comment"], "Production")
    assert (activity["state"], activity["current_stage"]) == ("applied", "Production")
    assert ModelVersion.objects.get().approved_by == "bea"
    assert Review.objects.get(request=request).reviewer.username == "bea"
    assert listed(bea_on_wire) == []


def test_a_token_approves_nothing(asked: Asked, bea: User, api_of: ApiOf) -> None:
    asked()
    listed(api_of(bea))
    for verdict in ("approve", "reject"):
        assert api_of(bea).refused("POST", f"transition-requests/{verdict}", **APPROVE)[0] == 403
    assert not Review.objects.exists()
    assert Event.objects.filter(action="approvals.review.given", outcome="denied").count() == 2


@pytest.mark.parametrize("who", ["ada", "cy", "ops"])
def test_four_eyes_stay(who: str, asked: Asked, cy: User, ops: User, in_person: WorkspaceOf) -> None:
    asked()
    wire = in_person(User.objects.get(username=who))
    digest = str(listed(wire)[0]["subject_digest"])
    assert wire.refused("POST", "transition-requests/approve", **APPROVE, subject_digest=digest)[0] == 403
    assert not Review.objects.exists()


def test_without_having_looked_there_is_no_approval(
    asked: Asked, bea_on_wire: Workspace, bea: User, api_of: ApiOf
) -> None:
    asked()
    listed(api_of(bea))  # a token of theirs looking is not them
    status, body = bea_on_wire("POST", "transition-requests/approve", **APPROVE)
    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert not Review.objects.exists()


def test_what_changed_since_the_look_is_not_approved(asked: Asked, bea_on_wire: Workspace, by_ada: object) -> None:
    request = asked()
    listed(bea_on_wire)
    fields = dict.fromkeys(HUMAN_KEYS, "Something else.")
    edit_card(actor=by_ada, version=request.version, fields=fields, expected_number=2)  # type: ignore[arg-type]  # Actor
    assert bea_on_wire.refused("POST", "transition-requests/approve", **APPROVE)[1] == "RESOURCE_CONFLICT"
    assert not Review.objects.exists()


@pytest.mark.parametrize("change", [{"comment": ""}, {"stage": "Staging"}, {"request_id": "999"}, {"version": "2"}])
def test_a_decision_that_is_wrong_decides_nothing(change: dict[str, str], asked: Asked, bea_on_wire: Workspace) -> None:
    asked()
    listed(bea_on_wire)
    assert bea_on_wire("POST", "transition-requests/approve", **(APPROVE | change))[0] in {400, 404}
    assert not Review.objects.exists()


def test_an_approval_needs_finished_checks(
    policies: object, new_version: NewVersion, api: Api, bea_on_wire: Workspace
) -> None:
    new_version()
    api.ok("POST", "transition-requests/create", **MOVE)
    assert listed(bea_on_wire)[0]["available_actions"] == ["REJECT_TRANSITION_REQUEST"]
    assert bea_on_wire.refused("POST", "transition-requests/approve", **APPROVE)[1] == "INVALID_STATE"


@pytest.mark.parametrize("archive", [True, False])
def test_the_first_approver_says_what_was_left_open(
    archive: bool,
    serving: ModelVersion,
    new_version: NewVersion,
    policies: object,
    run_checks: object,
    api: Api,
    bea_on_wire: Workspace,
) -> None:
    new_version()
    two = MOVE | {"version": "2"}
    made = api.ok("POST", "transition-requests/create", **two)["request"]
    run_checks(TransitionRequest.objects.get(pk=made["request_id"]))  # type: ignore[operator]  # a fixture
    bea_on_wire.ok("GET", "transition-requests/list", name="fraud", version="2")
    bea_on_wire.ok("POST", "transition-requests/approve", **two, archive_existing_versions=archive, comment="Fine.")
    serving.refresh_from_db()
    assert serving.stage == ("Archived" if archive else "Production")
    assert ModelVersion.objects.get(is_current=True).version == 2
    assert Event.objects.filter(action="approvals.request.changed").count() == 1


def test_the_requester_says_it_and_nobody_else_who_asks(asked: Asked, api: Api, cy: User, api_of: ApiOf) -> None:
    request = asked()
    move = {**MOVE, "archive_existing_versions": True}
    assert api_of(cy).refused("POST", "model-versions/transition-stage", **move)[1] == "RESOURCE_CONFLICT"
    assert api.refused("POST", "model-versions/transition-stage", **move)[1] == "PERMISSION_DENIED"
    request.refresh_from_db()
    assert (request.archive_existing, request.archive_left_open) == (True, False)


def test_what_was_not_left_open_is_not_changed_by_an_approver(asked: Asked, bea_on_wire: Workspace) -> None:
    asked(archive_existing_versions=False)
    assert listed(bea_on_wire)[0]["archive_existing_versions"] is False
    assert bea_on_wire.refused("POST", "transition-requests/approve", **APPROVE)[1] == "RESOURCE_CONFLICT"
    assert not Review.objects.exists()


def test_reject(asked: Asked, bea_on_wire: Workspace) -> None:
    asked()
    activity = bea_on_wire.ok("POST", "transition-requests/reject", **MOVE, comment="Too few rows.")["activity"]
    assert (activity["activity_type"], activity["state"]) == ("REJECTED_REQUEST", "rejected")
    assert TransitionRequest.objects.get().state == RequestState.REJECTED


def test_the_requester_cancels_by_query_string_or_body(
    asked: Asked, api: Api, ada: User, in_person: WorkspaceOf
) -> None:
    asked()
    activity = in_person(ada).ok("DELETE", "transition-requests/delete", **MOVE, creator="ada", comment="Oops")[
        "activity"
    ]
    assert (activity["activity_type"], activity["comment"], activity["state"]) == (
        "CANCELLED_REQUEST",
        "Oops",
        "withdrawn",
    )
    api.ok("POST", "transition-requests/create", **MOVE)
    api.ok("DELETE", "transition-requests/delete", **MOVE, creator="ada")
    assert not TransitionRequest.objects.filter(state=RequestState.OPEN).exists()


@pytest.mark.parametrize(("creator", "status"), [("ada", 403), ("cy", 404), ("", 400)])
def test_nobody_else_cancels(creator: str, status: int, asked: Asked, cy: User, api_of: ApiOf) -> None:
    asked()
    assert api_of(cy).refused("DELETE", "transition-requests/delete", **MOVE, creator=creator)[0] == status
    assert TransitionRequest.objects.get().state == RequestState.OPEN


@pytest.mark.parametrize(
    ("level", "asks", "archives"), [("READ", 403, 403), ("EDIT", 200, 403), ("MANAGE_STAGING", 200, 200)]
)
def test_levels_ask_or_move(
    level: str,
    asks: int,
    archives: int,
    policies: object,
    new_version: NewVersion,
    settings: Settings,
    cy: User,
    api_of: ApiOf,
) -> None:
    version = new_version()
    settings.DEFAULT_MODEL_LEVEL = "none"
    grant_level(user=cy, model=version.model, level=Level[level])
    wire = api_of(cy)
    assert wire("POST", "transition-requests/create", **MOVE)[0] == asks
    move = {**ONE, "stage": "Archived", "archive_existing_versions": False}
    assert wire("POST", "databricks/model-versions/transition-stage", **move)[0] == archives
    version.refresh_from_db()
    assert version.stage == ("Archived" if archives == 200 else "None")


def test_an_approval_that_cannot_be_carried_out_says_where_the_request_is(
    asked: Asked, bea_on_wire: Workspace, settings: Settings
) -> None:
    asked()
    listed(bea_on_wire)
    for file in Path(settings.ARTIFACT_URL.removeprefix("file://")).rglob("*"):
        if file.is_file() and file.stat().st_size:
            file.chmod(0o600)
            file.write_bytes(b"other bytes")
    activity = bea_on_wire.ok("POST", "transition-requests/approve", **APPROVE)["activity"]
    assert (activity["activity_type"], activity["state"]) == ("APPROVED_REQUEST", "stale")
    assert activity["current_stage"] == "None"
    assert ModelVersion.objects.get().stage == "None"


def test_where_signatures_are_asked_for_this_wire_decides_nothing(
    policies: object, new_version: NewVersion, asked: Asked, bea_on_wire: Workspace
) -> None:
    ask_for({"count": 1, "groups": ["reviewers"]}, e_signature=True)
    asked()
    found = bea_on_wire.ok("GET", "transition-requests/list", **ONE)["requests"][0]
    assert "available_actions" not in found
    for verdict in ("approve", "reject"):
        assert bea_on_wire.refused("POST", f"transition-requests/{verdict}", **APPROVE)[1] == "INVALID_STATE"
    assert not Review.objects.exists()
