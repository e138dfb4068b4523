"""Registry webhooks over the Databricks wire: its fields and paths, with our refusals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from audit.models import Event
from registry.models import RegisteredModel
from registry.permissions import Level, grant_level
from tests.conftest import Acting
from tests.mlflow_api.databricks_fixtures import Workspace
from tests.mlflow_api.registry_fixtures import Json
from tests.webhooks.conftest import SECRET, Hook
from tests.webhooks.receiver import Receiver
from webhooks.models import Webhook

HOOKS = "registry-webhooks"
URL = "https://ci.example.com/hook"
AUTHORIZATION = "Bearer open-sesame"
GOOD: Json = {"events": ["MODEL_VERSION_CREATED", "COMMENT_CREATED"], "http_url_spec": {"url": URL}}


@pytest.fixture
def workspace(acting: Acting, olga: User) -> Workspace:
    return opened(acting, olga)


def opened(acting: Acting, user: User) -> Workspace:
    return Workspace(issue_token(actor=acting(user), user=user, expires_in=timedelta(hours=1))[1])


def make(api: Workspace, url: str = URL, **more: Any) -> Json:
    spec = {"url": url, "secret": SECRET, "authorization": AUTHORIZATION}
    found: Json = api.ok("POST", f"{HOOKS}/create", **{**GOOD, "http_url_spec": spec, **more})["webhook"]
    return found


def test_a_webhook_from_its_making_to_its_end(workspace: Workspace) -> None:
    made = make(workspace, description="d", status="TEST_MODE")
    spec = {"url": URL, "enable_ssl_verification": True}
    assert made.items() >= {"events": GOOD["events"], "description": "d", "status": "TEST_MODE"}.items()
    assert (made["http_url_spec"], "model_name" in made) == (spec, False)
    assert workspace.ok("GET", f"{HOOKS}/list") == {"webhooks": [made]}
    changed = workspace.ok("PATCH", f"{HOOKS}/update", id=made["id"], status="ACTIVE", events=["COMMENT_CREATED"])[
        "webhook"
    ]
    assert (changed["status"], changed["events"], changed["http_url_spec"]) == ("ACTIVE", ["COMMENT_CREATED"], spec)
    assert workspace.ok("DELETE", f"{HOOKS}/delete", id=made["id"]) == {}
    assert workspace.ok("GET", f"{HOOKS}/list") == {}
    row = Webhook.objects.get()
    assert (row.deleted_at is None, row.sealed_secret, row.sealed_authorization) == (False, "", "")


def test_the_preview_paths_are_the_same(workspace: Workspace) -> None:
    made = make(workspace, prefix="/api/2.0/preview/mlflow/")
    listed = workspace.ok("GET", f"{HOOKS}/list", prefix="/ajax-api/2.0/preview/mlflow/")
    assert listed == workspace.ok("GET", f"{HOOKS}/list") == {"webhooks": [made]}


def test_the_preview_paths_change_the_same(workspace: Workspace, receiver: Receiver) -> None:
    preview = "/api/2.0/preview/mlflow/"
    one = {"id": make(workspace, url=receiver.url())["id"]}
    assert workspace.ok("POST", f"{HOOKS}/test", prefix=preview, **one)["status_code"] == 200
    changed = workspace.ok("PATCH", f"{HOOKS}/update", prefix=preview, **one, description="d")["webhook"]
    assert changed["description"] == "d"
    assert workspace.ok("DELETE", f"{HOOKS}/delete", prefix=preview, **one) == {}
    assert Webhook.objects.get().deleted_at is not None


def test_delete_takes_a_body_too(workspace: Workspace) -> None:
    made = make(workspace)
    answer = workspace.client.delete(
        f"/api/2.0/mlflow/{HOOKS}/delete", {"id": made["id"]}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()) == (200, {})


def test_what_is_secret_is_told_to_nobody(workspace: Workspace) -> None:
    made = make(workspace)
    new = {"url": URL, "secret": "new-secret", "authorization": "Bearer new-secret"}
    answers = [
        made,
        workspace.ok("PATCH", f"{HOOKS}/update", id=made["id"], http_url_spec=new),
        workspace.ok("GET", f"{HOOKS}/list"),
    ]
    kept = [bytes(body).decode() for body in Event.objects.values_list("body", flat=True)]
    row = Webhook.objects.get()
    told = f"{answers}{kept}{row.sealed_secret}{row.sealed_authorization}"
    assert SECRET not in told
    assert "new-secret" not in told


def test_each_wire_shows_its_own(workspace: Workspace, hook: Hook) -> None:
    ours, theirs = make(workspace)["id"], hook().pk
    assert [row["webhook_id"] for row in workspace.ok("GET", "webhooks", governance="true")["webhooks"]] == [theirs]
    assert [row["id"] for row in workspace.ok("GET", f"{HOOKS}/list")["webhooks"]] == [ours]
    assert workspace.refused("GET", f"webhooks/{ours}")[0] == 404
    assert workspace.refused("PATCH", f"webhooks/{ours}", url=URL)[0] == 404
    assert workspace.refused("DELETE", f"{HOOKS}/delete", id=theirs)[0] == 404
    assert workspace.refused("POST", f"{HOOKS}/test", id=theirs)[0] == 404


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"job_spec": {"job_id": "1", "access_token": "t"}}, "job_spec is not supported"),
        ({"http_url_spec": None}, "http_url_spec.url"),
        ({"http_url_spec": "x"}, "an object"),
        ({"http_url_spec": {"url": "ftp://x/"}}, "Invalid webhook URL scheme"),
        ({"http_url_spec": {"url": URL, "authorization": "a\r\nHost: b"}}, "printable ASCII"),
        ({"http_url_spec": {"url": URL, "authorization": "é"}}, "printable ASCII"),
        ({"http_url_spec": {"url": URL, "enable_ssl_verification": "no"}}, "true or false"),
        ({"events": ["MODEL_VERSION_EXPLODED"]}, "Events are: COMMENT_CREATED"),
        ({"events": ["model_version.created"]}, "There is no webhook event"),
        ({"events": []}, "non-empty list"),
        ({"events": [7]}, "a string"),
        ({"status": "PAUSED"}, "ACTIVE or DISABLED or TEST_MODE"),
        ({"events": ["REGISTERED_MODEL_CREATED"], "model_name": "clf"}, "leave out model_name"),
    ],
)
def test_what_cannot_be_is_a_clear_400(workspace: Workspace, clf: RegisteredModel, fields: Json, message: str) -> None:
    status, body = workspace("POST", f"{HOOKS}/create", **{**GOOD, **fields})
    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert message in body["message"]
    assert not Webhook.objects.exists()


def test_test_mode_is_databricks_alone(workspace: Workspace) -> None:
    event = {"entity": "MODEL_VERSION", "action": "CREATED"}
    assert workspace.refused("POST", "webhooks", name="ci", url=URL, events=[event], status="TEST_MODE")[0] == 400


def test_certificates_are_checked_unless_receivers_may_be_in_the_house(
    workspace: Workspace, acting: Acting, ada: User, clf: RegisteredModel, settings: Settings
) -> None:
    unchecked = {"url": URL, "enable_ssl_verification": False}
    made = make(workspace, model_name="clf", http_url_spec=unchecked)
    assert made["http_url_spec"] == unchecked
    manager = opened(acting, ada)  # in whose hands the setting does not count
    for call in (("POST", "create", GOOD | {"model_name": "clf"}), ("PATCH", "update", {"id": made["id"]})):
        status, body = manager(call[0], f"{HOOKS}/{call[1]}", **call[2] | {"http_url_spec": unchecked})
        assert (status, "enable_ssl_verification cannot be false" in body["message"]) == (400, True)
    settings.WEBHOOK_ALLOW_PRIVATE = False
    assert workspace.refused("POST", f"{HOOKS}/create", **GOOD | {"http_url_spec": unchecked})[0] == 400
    assert Webhook.objects.count() == 1


def test_an_authorization_does_not_follow_to_another_url(workspace: Workspace) -> None:
    one = {"id": make(workspace)["id"]}
    elsewhere = {"url": "https://elsewhere.example.com/"}
    status, body = workspace("PATCH", f"{HOOKS}/update", **one, http_url_spec=elsewhere)
    assert (status, "only for its current URL" in body["message"]) == (400, True)
    assert Webhook.objects.get().url == URL
    workspace.ok("PATCH", f"{HOOKS}/update", **one, http_url_spec={"url": URL})
    workspace.ok("PATCH", f"{HOOKS}/update", **one, http_url_spec=elsewhere | {"authorization": ""})
    assert Webhook.objects.get().url == elsewhere["url"]


def test_permissions_are_those_of_all_webhooks(
    workspace: Workspace, acting: Acting, ada: User, cy: User, clf: Any
) -> None:
    grant_level(user=cy, model=clf, level=Level.READ)
    everything, of_clf = make(workspace)["id"], make(opened(acting, ada), model_name="clf")["id"]
    outsider, manager = opened(acting, cy), opened(acting, ada)
    assert outsider.refused("POST", f"{HOOKS}/create", **GOOD, model_name="clf") == (403, "PERMISSION_DENIED")
    assert manager.refused("POST", f"{HOOKS}/create", **GOOD) == (403, "PERMISSION_DENIED")
    assert outsider.ok("GET", f"{HOOKS}/list") == {}
    assert [row["id"] for row in manager.ok("GET", f"{HOOKS}/list")["webhooks"]] == [of_clf]
    assert manager.refused("DELETE", f"{HOOKS}/delete", id=everything)[0] == 404
    assert outsider.refused("PATCH", f"{HOOKS}/update", id=of_clf, status="DISABLED")[0] == 404
    assert list(Webhook.objects.values_list("status", flat=True)) == ["ACTIVE", "ACTIVE"]


def test_the_list_by_event_and_model(workspace: Workspace, clf: RegisteredModel) -> None:
    both, comments = make(workspace)["id"], make(workspace, events=["COMMENT_CREATED"])["id"]
    of_clf = make(workspace, model_name="clf", events=["MODEL_VERSION_TAG_SET"])["id"]

    def ids(**query: object) -> set[str]:
        return {row["id"] for row in workspace.ok("GET", f"{HOOKS}/list", **query).get("webhooks", [])}

    assert ids() == {both, comments, of_clf}
    assert ids(events=["MODEL_VERSION_CREATED", "MODEL_VERSION_TAG_SET"]) == {both, of_clf}
    assert ids(model_name="clf") == {of_clf}
    assert ids(model_name="clf", events="COMMENT_CREATED") == set()
    assert workspace.refused("GET", f"{HOOKS}/list", model_name="none")[0] == 404
    for bad in ({"max_results": 1001}, {"events": "NONE"}, {"page_token": "x"}):
        assert workspace.refused("GET", f"{HOOKS}/list", **bad)[0] == 400


def test_a_longer_list_has_pages_and_takes_no_more_queries(workspace: Workspace, clf: RegisteredModel) -> None:
    counts = []
    for _ in range(2):
        make(workspace)
        make(workspace, model_name="clf")
        with CaptureQueriesContext(connection) as queries:
            workspace.ok("GET", f"{HOOKS}/list")
        counts.append(len(queries))
    assert counts[0] == counts[1]
    first = workspace.ok("GET", f"{HOOKS}/list", max_results=3)
    second = workspace.ok("GET", f"{HOOKS}/list", max_results=3, page_token=first["next_page_token"])
    assert len({row["id"] for row in first["webhooks"] + second["webhooks"]}) == 4
    assert "next_page_token" not in second


def test_a_test_answers_where_every_client_looks(workspace: Workspace, receiver: Receiver) -> None:
    receiver.answers = [200, 500]
    one = {"id": make(workspace, url=receiver.url(), status="TEST_MODE")["id"]}
    good = {"status_code": 200}  # without the body: what a private receiver answers is shown to nobody
    assert workspace.ok("POST", f"{HOOKS}/test", **one) == {**good, "status": 200, "webhook": good}
    event = "TRANSITION_REQUEST_TO_STAGING_CREATED"
    assert workspace.ok("POST", f"{HOOKS}/test", **one, event=event)["status_code"] == 500
    assert [hit.json["event"] for hit in receiver.hits] == ["MODEL_VERSION_CREATED", event]
    assert (receiver.hits[1].json["to_stage"], receiver.hits[1].json["webhook_id"]) == ("Staging", one["id"])
    assert workspace.refused("POST", f"{HOOKS}/test", **one, event="NONE")[0] == 400
    receiver.close()
    assert workspace.ok("POST", f"{HOOKS}/test", **one)["body"] == "The receiver refused the connection."
