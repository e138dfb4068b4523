"""Who may do what with a model, over the wire of the Databricks permissions API."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from accounts.principals import PrincipalKind
from audit.models import Event
from registry.models import RegisteredModel
from registry.permissions import Grant, Level, grants_of
from tests.mlflow_api.registry_fixtures import Api, ApiOf, Json, api, api_of
from tests.registry.conftest import _own_store, by_ada, fraud

__all__ = ["_own_store", "api", "api_of", "by_ada", "fraud"]
PERMISSIONS = "/api/2.0/permissions/"
ADA = {"user_name": "ada", "permission_level": "CAN_MANAGE"}


@pytest.fixture(autouse=True)
def _closed(settings: Settings) -> None:
    settings.DEFAULT_MODEL_LEVEL = "none"


def at(model: RegisteredModel, rest: str = "") -> str:
    return f"registered-models/{model.pk}{rest}"


def given(api: Api, model: RegisteredModel, method: str, *entries: Json) -> tuple[int, Json]:
    return api(method, at(model), prefix=PERMISSIONS, access_control_list=list(entries))


def direct(answer: Json) -> dict[str, str]:
    """Return who has which level by a grant of their own."""
    found = {}
    for entry in answer["access_control_list"]:
        name = entry.get("user_name") or entry.get("group_name") or entry.get("service_principal_name")
        for row in entry["all_permissions"]:
            if not row["inherited"]:
                found[name] = row["permission_level"]
    return found


def test_reading(api: Api, fraud: RegisteredModel, settings: Settings) -> None:
    settings.DEFAULT_MODEL_LEVEL = "read"
    status, answer = api("GET", at(fraud), prefix=PERMISSIONS)
    assert status == 200
    assert (answer["object_id"], answer["object_type"]) == (f"/registered-models/{fraud.pk}", "registered-model")
    inherited = {row["group_name"]: row["all_permissions"][0] for row in answer["access_control_list"][1:]}
    assert direct(answer) == {"ada": "CAN_MANAGE"}
    assert {name: row["permission_level"] for name, row in inherited.items()} == {
        "users": "CAN_READ",
        "admins": "CAN_MANAGE",
    }


def test_levels(api: Api, fraud: RegisteredModel) -> None:
    levels = api("GET", at(fraud, "/permissionLevels"), prefix=PERMISSIONS)[1]["permission_levels"]
    assert [level["permission_level"] for level in levels] == [
        "CAN_READ", "CAN_EDIT", "CAN_MANAGE_STAGING_VERSIONS", "CAN_MANAGE_PRODUCTION_VERSIONS", "CAN_MANAGE",
    ]  # fmt: skip
    assert all(level["description"] for level in levels)


def test_patch_adds_and_put_replaces(api: Api, fraud: RegisteredModel, cy: User, bea: User, bot: User) -> None:
    entries = [
        {"user_name": "cy", "permission_level": "CAN_EDIT"},
        {"group_name": "reviewers", "permission_level": "CAN_READ"},
        {"service_principal_name": "bot", "permission_level": "CAN_MANAGE_STAGING_VERSIONS"},
    ]
    answer = given(api, fraud, "PATCH", *entries)[1]
    assert direct(answer) == {
        "ada": "CAN_MANAGE", "cy": "CAN_EDIT", "reviewers": "CAN_READ", "bot": "CAN_MANAGE_STAGING_VERSIONS",
    }  # fmt: skip
    assert direct(given(api, fraud, "PUT", ADA)[1]) == {"ada": "CAN_MANAGE"}


def test_a_grant_opens_and_taking_it_away_closes(api: Api, fraud: RegisteredModel, cy: User, api_of: ApiOf) -> None:
    outsider = api_of(cy)
    assert outsider("GET", "registered-models/get", name="fraud")[0] == 404
    given(api, fraud, "PATCH", {"user_name": "cy", "permission_level": "CAN_READ"})
    assert outsider("GET", "registered-models/get", name="fraud")[0] == 200
    found = outsider.ok("GET", "databricks/registered-models/get", name="fraud")["registered_model"]
    assert found["permission_level"] == "CAN_READ"
    assert outsider("GET", at(fraud), prefix=PERMISSIONS)[0] == 200
    assert given(outsider, fraud, "PUT", {"user_name": "cy", "permission_level": "CAN_MANAGE"})[0] == 403
    given(api, fraud, "PUT", ADA)
    assert outsider("GET", "registered-models/get", name="fraud")[0] == 404


@pytest.mark.parametrize(
    "entry",
    [
        {"user_name": "nobody", "permission_level": "CAN_READ"},
        {"user_name": "cy", "permission_level": "CAN_FLY"},
        {"user_name": "cy"},
        {"permission_level": "CAN_READ"},
        {"user_name": "cy", "group_name": "reviewers", "permission_level": "CAN_READ"},
        {"user_name": "cy\x00", "permission_level": "CAN_READ"},
        {"user_name": 7, "permission_level": "CAN_READ"},
        "cy",
    ],
)
def test_an_entry_that_is_wrong_changes_nothing(entry: Any, api: Api, fraud: RegisteredModel, cy: User) -> None:
    before = Event.objects.count()
    for method in ("PUT", "PATCH"):
        status, body = given(api, fraud, method, ADA, entry)
        assert status in {400, 404}, body
    assert grants_of(fraud) == [Grant(PrincipalKind.USER, "ada", Level.MANAGE)]
    assert Event.objects.count() == before


@pytest.mark.parametrize("number", ["0", "999999", "x", "9" * 18, "9" * 40, "-1", "%00", "1.0"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_ids_of_no_model(method: str, number: str, api: Api) -> None:
    answer = api(method, f"registered-models/{number}", prefix=PERMISSIONS)
    assert answer[0] in {400, 404}


def test_other_methods_and_objects(api: Api, fraud: RegisteredModel) -> None:
    assert api("DELETE", at(fraud), prefix=PERMISSIONS)[0] == 405
    assert api("GET", "clusters/1", prefix=PERMISSIONS)[1]["error_code"] == "ENDPOINT_NOT_FOUND"
