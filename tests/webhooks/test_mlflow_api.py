"""The MLflow api: MLflow's fields and errors, governance beside them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import Event
from registry.models import RegisteredModel
from tests.mlflow_api.registry_fixtures import Api, ApiOf, Json
from tests.webhooks.conftest import SECRET
from tests.webhooks.receiver import Receiver
from webhooks.models import Webhook

HOOKS = "webhooks"
CREATED = {"entity": "MODEL_VERSION", "action": "CREATED"}
OPENED = {"entity": "TRANSITION_REQUEST", "action": "OPENED"}
GOOD: Json = {"name": "ci", "url": "https://ci.example.com/hook", "events": [CREATED]}


@pytest.fixture
def ops_door(api_of: ApiOf, olga: User) -> Api:
    return api_of(olga)


def make(api: Api, **more: Any) -> Json:
    found: Json = api.ok("POST", HOOKS, **{**GOOD, **more})["webhook"]
    return found


def test_a_webhook_from_its_making_to_its_end(ops_door: Api) -> None:
    made = make(ops_door, description="d", secret=SECRET, status="DISABLED")
    one = f"{HOOKS}/{made['webhook_id']}"
    assert made.items() >= {**GOOD, "description": "d", "status": "DISABLED"}.items()
    assert SECRET not in str(made)
    assert ops_door.ok("GET", one) == {"webhook": made}
    assert ops_door.ok("GET", HOOKS) == {"webhooks": [made]}
    changed = ops_door.ok("PATCH", one, status="ACTIVE", description="", events=[{"entity": 1, "action": 1}])["webhook"]
    assert changed["events"] == [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
    assert changed["status"] == "ACTIVE"
    assert "description" not in changed
    assert ops_door.ok("DELETE", one) == {}
    assert ops_door("GET", one)[0] == 404
    assert ops_door.ok("GET", HOOKS) == {}
    assert Webhook.objects.get().deleted_at is not None


def test_governance_events_stand_beside_mlflows(ops_door: Api) -> None:
    mixed = make(ops_door, events=[OPENED, CREATED])
    alone = make(ops_door, events=[OPENED])
    assert (mixed["events"], mixed["governance_events"]) == ([CREATED], [OPENED])
    assert "events" not in alone
    assert ops_door.ok("GET", HOOKS) == {"webhooks": [mixed]}  # what MLflow's client can read
    assert ops_door.ok("GET", HOOKS, governance="true")["webhooks"] == [alone, mixed]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "ftp://x/"}, "Invalid webhook URL scheme: 'ftp'. Allowed schemes are: https, http."),
        ({"url": "http://169.254.169.254/"}, "deliveries are never sent"),
        ({"events": [{"entity": "MODEL", "action": "CREATED"}]}, "Unknown entity"),
        ({"events": [{"entity": "MODEL_VERSION", "action": "EXPLODED"}]}, "Unknown action"),
        ({"events": [{"entity": "MODEL_VERSION", "action": "SET"}]}, "Events are: REGISTERED_MODEL CREATED"),
        ({"events": [{"entity": 10, "action": 5}]}, "it must be one of"),
        ({"events": [{"action": "CREATED"}]}, "events[0].entity"),
        ({"events": []}, "non-empty list"),
        ({"events": "x"}, "must be a list"),
        ({"name": ""}, "Missing value for required parameter 'name'"),
        ({"url": None}, "Missing value for required parameter 'url'"),
        ({"status": "PAUSED"}, "ACTIVE or DISABLED"),
        ({"secret": 5}, "must be a string"),
    ],
)
def test_what_cannot_be_is_a_clear_400(ops_door: Api, fields: Json, message: str) -> None:
    status, body = ops_door("POST", HOOKS, **{**GOOD, **fields})
    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert message in body["message"]
    assert not Webhook.objects.exists()


def test_a_webhook_that_is_not_there(ops_door: Api) -> None:
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test")):
        status, body = ops_door(method, f"{HOOKS}/none{path}")
        assert (status, body["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert body["message"] == "Webhook with ID none not found."


def test_whoever_operates_nothing_is_denied_and_recorded(api: Api, clf: RegisteredModel) -> None:
    assert api.refused("POST", HOOKS, **GOOD) == (403, "PERMISSION_DENIED")
    assert Event.objects.get(action="webhooks.webhook.created").outcome == "denied"
    assert not Webhook.objects.exists()
    assert make(api, model_name="clf")["model_name"] == "clf"


def test_the_model_of_a_webhook_stays(api: Api, clf: RegisteredModel) -> None:
    made = make(api, model_name="clf")
    assert api.refused("PATCH", f"{HOOKS}/{made['webhook_id']}", model_name="other")[0] == 400


def test_a_test_answers_what_came_of_it(ops_door: Api, receiver: Receiver) -> None:
    receiver.answers = [200, 500]
    made = make(ops_door, url=receiver.url(), secret=SECRET)
    one = f"{HOOKS}/{made['webhook_id']}/test"
    assert ops_door.ok("POST", one)["result"] == {"success": True, "response_status": 200}
    assert ops_door.ok("POST", one, event=OPENED)["result"] == {"success": False, "response_status": 500}
    assert [hit.json["entity"] for hit in receiver.hits] == ["model_version", "transition_request"]
    receiver.close()
    result = ops_door.ok("POST", one)["result"]
    assert result == {"success": False, "error_message": "The receiver refused the connection."}


def test_a_list_is_read_page_by_page(ops_door: Api) -> None:
    made = [make(ops_door, name=f"h{number}")["webhook_id"] for number in range(5)]
    first = ops_door.ok("GET", HOOKS, max_results=3)
    second = ops_door.ok("GET", HOOKS, max_results=3, page_token=first["next_page_token"])
    assert [row["webhook_id"] for row in first["webhooks"] + second["webhooks"]] == made[::-1]
    assert "next_page_token" not in second
    for bad in ({"max_results": 1001}, {"max_results": -1}, {"page_token": "x"}):
        assert ops_door.refused("GET", HOOKS, **bad) == (400, "INVALID_PARAMETER_VALUE")


def test_a_longer_list_takes_no_more_queries(ops_door: Api, clf: RegisteredModel) -> None:
    counts = []
    for _ in range(2):
        make(ops_door, model_name="clf", events=[CREATED, OPENED])
        make(ops_door)
        with CaptureQueriesContext(connection) as queries:
            ops_door.ok("GET", HOOKS)
        counts.append(len(queries))
    assert counts[0] == counts[1]
