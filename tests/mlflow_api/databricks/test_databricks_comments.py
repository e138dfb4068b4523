"""Comments, and the history that the page of a version would show."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from approvals.models import ApprovalComment, CommentRevision
from approvals.requests.lifecycle import expire_request
from audit.models import Event
from audit.queries import facts
from core.actors import system_actor
from registry.models import ModelVersion
from tests.approvals.conftest import NewVersion, _own_store, by_ada, by_bea, new_version, policies, run_checks, serving
from tests.mlflow_api.databricks_fixtures import APPROVE, MOVE, ONE, Asked, WorkspaceOf, asked, in_person
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


def said(api: Api, text: str = "Looks good.") -> Json:
    return api.ok("POST", "comments/create", **ONE, comment=text)["comment"]  # type: ignore[no-any-return]  # JSON


def texts(api: Api) -> list[str]:
    return [row["comment"] for row in api.ok("GET", "comments/list", **ONE)["comments"]]


def history(api: Api, version: str = "1") -> list[Json]:
    return api.ok("GET", "activities/list", name="fraud", version=version)["activities"]  # type: ignore[no-any-return]  # JSON


@pytest.fixture
def version(new_version: NewVersion) -> ModelVersion:
    return new_version()


def test_a_comment_is_made_and_listed(version: ModelVersion, api: Api) -> None:
    made = said(api)
    assert (made["comment"], made["user_id"]) == ("Looks good.", "ada")
    assert made["available_actions"] == ["EDIT_COMMENT", "DELETE_COMMENT"]
    assert made["creation_timestamp"] == made["last_updated_timestamp"]
    assert api.ok("GET", "comments/list", **ONE) == {"comments": [made]}


def test_an_edit_keeps_what_was_said_in_the_events(version: ModelVersion, api: Api) -> None:
    made = said(api)
    edited = api.ok("PATCH", "comments/update", id=made["id"], comment="Looks bad.")["comment"]
    assert (edited["id"], edited["comment"]) == (made["id"], "Looks bad.")
    assert edited["last_updated_timestamp"] >= edited["creation_timestamp"]
    event = facts(Event.objects.get(action="approvals.comment.edited"))
    assert (event["before"]["text"], event["after"]["text"]) == ("Looks good.", "Looks bad.")


def test_long_words_are_kept_whole_when_they_are_edited_away(version: ModelVersion, api: Api) -> None:
    long = "I object. " * 500
    made = said(api, long)
    api.ok("PATCH", "comments/update", id=made["id"], comment="Fine.")
    assert CommentRevision.objects.get().text == long.strip()
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE approvals_commentrevision SET text = 'Fine.'")
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM approvals_commentrevision")


def test_the_same_words_again_are_no_edit(version: ModelVersion, api: Api) -> None:
    made = said(api)
    api.ok("PATCH", "comments/update", id=made["id"], comment="Looks good.")
    assert not Event.objects.filter(action="approvals.comment.edited").exists()


def test_a_deleted_comment_is_gone_from_the_wire_but_not_from_the_events(
    version: ModelVersion, ada: User, in_person: WorkspaceOf
) -> None:
    wire = in_person(ada)
    made = said(wire)
    assert wire.ok("DELETE", "comments/delete", id=made["id"]) == {}
    assert not texts(wire)
    assert not history(wire)
    assert wire.refused("DELETE", "comments/delete", id=made["id"])[0] == 404
    event = facts(Event.objects.get(action="approvals.comment.deleted"))
    assert event["before"]["text"] == "Looks good."


def test_others_edit_nothing_and_who_manages_deletes(
    version: ModelVersion, api: Api, cy: User, bea: User, api_of: ApiOf
) -> None:
    made = said(api_of(cy))
    assert api.ok("GET", "comments/list", **ONE)["comments"][0]["available_actions"] == ["DELETE_COMMENT"]
    assert api.refused("PATCH", "comments/update", id=made["id"], comment="x")[0] == 403
    assert api_of(bea).refused("DELETE", "comments/delete", id=made["id"])[0] == 403
    assert texts(api) == ["Looks good."]
    assert Event.objects.filter(outcome="denied").count() == 2
    api.ok("DELETE", "comments/delete", id=made["id"])
    assert texts(api) == []


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 65_536, "a\x00b", "\ud800"])
def test_a_comment_that_cannot_be(text: str, version: ModelVersion, api: Api) -> None:
    assert api.refused("POST", "comments/create", **ONE, comment=text)[0] in {400, 413}
    assert not ApprovalComment.objects.exists()


@pytest.mark.parametrize("number", ["", "x", "-1", "0", "9" * 18, "9" * 19, "٣"])
def test_ids_that_are_none(number: str, version: ModelVersion, api: Api) -> None:
    assert api.refused("PATCH", "comments/update", id=number, comment="x")[0] in {400, 404}


def test_comments_page_by_page_in_a_fixed_number_of_queries(version: ModelVersion, api: Api) -> None:
    counts = []
    for _ in range(2):
        for number in range(3):
            said(api, f"comment {number}")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            texts(api)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    first = api.ok("GET", "comments/list", **ONE, max_results="4")
    rest = api.ok("GET", "comments/list", **ONE, max_results="4", page_token=first["next_page_token"])
    assert [len(first["comments"]), len(rest["comments"])] == [4, 2]
    assert "next_page_token" not in rest


@pytest.mark.parametrize("page", [{"max_results": "0"}, {"max_results": "1001"}, {"page_token": "x"}])
@pytest.mark.parametrize("path", ["comments/list", "activities/list"])
def test_pages_that_cannot_be(path: str, page: dict[str, str], version: ModelVersion, api: Api) -> None:
    assert api.refused("GET", path, **ONE, **page) == (400, "INVALID_PARAMETER_VALUE")


def test_the_history_of_an_approved_promotion(asked: Asked, api: Api, bea: User, in_person: WorkspaceOf) -> None:
    request = asked(comment="Better.")
    said(api)
    wire = in_person(bea)
    wire.ok("GET", "transition-requests/list", **ONE)
    wire.ok("POST", "transition-requests/approve", **APPROVE)
    rows = history(api)
    assert [(row["activity_type"], row["user_id"]) for row in rows] == [
        ("APPLIED_TRANSITION", "ada"),
        ("APPROVED_REQUEST", "bea"),
        ("NEW_COMMENT", "ada"),
        ("REQUESTED_TRANSITION", "ada"),
    ]
    assert {row.get("to_stage") for row in rows} == {"Production", None}
    assert f"request:{request.pk}" in rows[0]["system_comment"]
    assert [row["comment"] for row in rows[1:]] == [APPROVE["comment"], "Looks good.", "Better."]
    assert len({row["id"] for row in rows}) == 4


def test_rejected_cancelled_and_expired(asked: Asked, api: Api, bea: User, in_person: WorkspaceOf) -> None:
    first = asked()
    in_person(bea).ok("POST", "transition-requests/reject", **MOVE, comment="No.")
    api.ok("POST", "transition-requests/create", **MOVE)
    api.ok("DELETE", "transition-requests/delete", **MOVE, creator="ada")
    api.ok("POST", "transition-requests/create", **MOVE)
    last = first.__class__.objects.order_by("-pk")[0]
    expire_request(actor=system_actor("x"), request_id=last.pk, at=last.expires_at + timedelta(seconds=1))
    kinds = [row["activity_type"] for row in history(api)]
    assert kinds == [
        "CANCELLED_REQUEST", "REQUESTED_TRANSITION", "CANCELLED_REQUEST", "REQUESTED_TRANSITION", "REJECTED_REQUEST",
        "REQUESTED_TRANSITION",
    ]  # fmt: skip
    assert history(api)[0]["system_comment"].startswith("The request expired.")


def test_what_made_room_is_a_transition_of_the_system(new_version: NewVersion, api: Api) -> None:
    for number in range(1, 4):
        new_version()
        api.ok("POST", "model-versions/transition-stage", name="fraud", version=str(number), stage="Staging")
    api.ok("POST", "model-versions/transition-stage", name="fraud", version="3", stage="Production")
    new_version()
    api.ok(
        "POST",
        "model-versions/transition-stage",
        name="fraud",
        version="4",
        stage="Staging",
        archive_existing_versions=True,
    )
    api.ok("POST", "model-versions/transition-stage", name="fraud", version="4", stage="Production")
    api.ok("POST", "model-versions/transition-stage", name="fraud", version="4", stage="Archived")
    newest = {number: history(api, str(number))[0] for number in range(1, 5)}
    found = {number: (row["activity_type"], row["from_stage"], row["to_stage"]) for number, row in newest.items()}
    assert found == {
        1: ("SYSTEM_TRANSITION", "Staging", "Archived"),
        2: ("SYSTEM_TRANSITION", "Staging", "Archived"),
        3: ("SYSTEM_TRANSITION", "Production", "Production"),
        4: ("APPLIED_TRANSITION", "Production", "Archived"),
    }
    assert newest[3]["system_comment"] == "Replaced by version 4."


def test_a_history_survives_a_rename_and_pages(version: ModelVersion, api: Api) -> None:
    for number in range(5):
        said(api, f"comment {number}")
    api.ok("POST", "registered-models/rename", name="fraud", new_name="cheat")
    found: list[str] = []
    token = ""
    for _ in range(3):
        page = api.ok("GET", "activities/list", name="cheat", version="1", max_results="2", page_token=token)
        found += [row["comment"] for row in page["activities"]]
        token = page.get("next_page_token", "")
    assert found == [f"comment {number}" for number in (4, 3, 2, 1, 0)]
    assert token == ""


def test_a_longer_history_costs_the_same(version: ModelVersion, api: Api) -> None:
    counts = []
    for _ in range(3):
        for stage in ("Staging", "Archived"):
            said(api)
            api.ok("POST", "model-versions/transition-stage", **ONE, stage=stage)
        with CaptureQueriesContext(connection) as queries:
            history(api)
        counts.append(len(queries))
    assert counts[1] == counts[2]  # the first time no event follows to be fetched
