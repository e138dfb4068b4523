"""The wire of MLflow's auth app, up to 3.12 and since 3.13: each call, what it answers, and that a refusal changes
nothing.
"""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import ApiToken, User
from audit.models import Event
from core.actors import Actor
from registry.models import RegisteredModel
from registry.permissions import grants_of as grants_of_model
from registry.services.models import create_model
from tests.conftest import Acting
from tests.mlflow_api.registry_fixtures import Api, ApiOf, api_of
from tracking.models import Experiment, ExperimentGrant, PatternGrant
from tracking.services.experiments import create_experiment

__all__ = ["api_of"]
V3 = "/api/3.0/mlflow/"
PASSWORD = "a-long-pass-phrase-9"


@pytest.fixture(autouse=True)
def _closed(settings: Settings) -> None:
    settings.DEFAULT_EXPERIMENT_LEVEL = settings.DEFAULT_MODEL_LEVEL = "none"


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def experiment(by_ada: Actor) -> Experiment:
    return create_experiment(actor=by_ada, name="churn")


@pytest.fixture
def api(ada: User, cy: User, api_of: ApiOf) -> Api:
    return api_of(ada)


def key(kind: str, experiment: Experiment) -> dict[str, Any]:
    return {"experiment_id": str(experiment.pk)} if kind == "experiments" else {"name": "clf"}


@pytest.mark.parametrize(
    ("kind", "row"), [("experiments", "experiment_permission"), ("registered-models", "registered_model_permission")]
)
def test_the_old_wire(kind: str, row: str, experiment: Experiment, by_ada: Actor, api: Api, cy: User) -> None:
    create_model(actor=by_ada, name="clf")
    whom, path = {**key(kind, experiment), "username": "cy"}, f"{kind}/permissions/"
    made = api.ok("POST", f"{path}create", **whom, permission="READ")
    assert made[row] == {**key(kind, experiment), "user_id": cy.pk, "permission": "READ"}
    assert api.refused("POST", f"{path}create", **whom, permission="EDIT") == (400, "RESOURCE_ALREADY_EXISTS")
    assert api.ok("PATCH", f"{path}update", **whom, permission="MANAGE") == {}
    assert api.ok("GET", f"{path}get", **whom)[row]["permission"] == "MANAGE"
    assert api.ok("DELETE", f"{path}delete", **whom) == {}
    for method, call in (("GET", "get"), ("DELETE", "delete")):
        assert api.refused(method, f"{path}{call}", **whom) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert api.refused("PATCH", f"{path}update", **whom, permission="READ") == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize("word", ["read", "NO_PERMISSIONS", "USE", "OWNER"])
def test_other_levels_are_refused(word: str, experiment: Experiment, api: Api) -> None:
    whom = {"experiment_id": str(experiment.pk), "username": "cy"}
    assert api.refused("POST", "experiments/permissions/create", **whom, permission=word)[0] == 400
    assert ExperimentGrant.objects.count() == 1


def test_the_new_wire(experiment: Experiment, api: Api, cy: User, api_of: ApiOf) -> None:
    what = {"username": "cy", "resource_type": "experiment", "resource_id": str(experiment.pk)}
    path = "users/permissions/"
    assert api.ok("POST", f"{path}grant", prefix=V3, **what, permission="EDIT") == {}
    assert (
        api("POST", f"{path}grant", prefix=V3, **what, permission="READ")[1]["error_code"] == "RESOURCE_ALREADY_EXISTS"
    )
    assert api_of(cy).ok("GET", f"{path}get", prefix=V3, **what) == {"allowed": True, "permission": "EDIT"}
    assert api.ok("POST", f"{path}revoke", prefix=V3, **what) == {}
    assert api("POST", f"{path}revoke", prefix=V3, **what)[0] == 404
    nothing = {"allowed": False, "permission": "NO_PERMISSIONS"}
    assert api_of(cy).ok("GET", f"{path}get", prefix=V3, **what) == nothing
    assert api_of(cy).ok("GET", f"{path}get", prefix=V3, **{**what, "resource_id": "999999"}) == nothing


@pytest.mark.parametrize("kind", ["scorer", "gateway_endpoint", "run", "prompt", "workspace", ""])
def test_what_has_no_levels_here_is_refused_with_the_reason(kind: str, experiment: Experiment, api: Api) -> None:
    what = {"username": "cy", "resource_type": kind, "resource_id": "1", "permission": "READ"}
    status, body = api("POST", "users/permissions/grant", prefix=V3, **what)
    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "path",
    [
        "roles/create",
        "roles/list",
        "users/roles/list",
        "scorers/permissions/create",
        "gateway/secrets/permissions/create",
    ],
)
def test_what_is_not_here_says_what_to_do(path: str, api: Api) -> None:
    status, body = api("POST", path, prefix=V3)
    assert (status, body["error_code"]) == (501, "NOT_IMPLEMENTED")


def test_every_experiment_is_for_superusers_to_grant(api: Api, ops: User, api_of: ApiOf) -> None:
    what = {"username": "cy", "resource_type": "experiment", "resource_id": "*"}
    assert api("POST", "users/permissions/grant", prefix=V3, **what, permission="READ")[0] == 403
    assert not PatternGrant.objects.exists()
    api_of(ops).ok("POST", "users/permissions/grant", prefix=V3, **what, permission="READ")
    assert PatternGrant.objects.get().pattern == "*"
    api_of(ops).ok("POST", "users/permissions/revoke", prefix=V3, **what)
    assert not PatternGrant.objects.exists()


def test_only_managers_grant(experiment: Experiment, by_ada: Actor, cy: User, ada: User, api_of: ApiOf) -> None:
    create_model(actor=by_ada, name="clf")
    theirs = api_of(cy)
    before = ExperimentGrant.objects.count(), len(grants_of_model(_model()))
    for kind in ("experiments", "registered-models"):
        what = {**key(kind, experiment), "username": "cy", "permission": "MANAGE"}
        assert theirs.refused("POST", f"{kind}/permissions/create", **what) == (404, "RESOURCE_DOES_NOT_EXIST")
    ExperimentGrant.objects.create(experiment=experiment, user=cy, level=2)
    what = {**key("experiments", experiment), "username": "cy", "permission": "MANAGE"}
    assert theirs.refused("PATCH", "experiments/permissions/update", **what) == (403, "PERMISSION_DENIED")
    assert (ExperimentGrant.objects.filter(level=3).count(), len(grants_of_model(_model()))) == (before[0], before[1])


def _model() -> RegisteredModel:
    return RegisteredModel.objects.get(name="clf")


def test_accounts(ops: User, cy: User, api_of: ApiOf) -> None:
    admin = api_of(ops)
    made = admin.ok("POST", "users/create", username="dora", password=PASSWORD)["user"]
    assert (made["username"], made["is_admin"], made["experiment_permissions"]) == ("dora", False, [])
    assert admin.refused("POST", "users/create", username="dora", password=PASSWORD) == (400, "RESOURCE_ALREADY_EXISTS")
    assert admin.refused("POST", "users/create", username="eve", password="short")[0] == 400
    assert admin.ok("PATCH", "users/update-admin", username="dora", is_admin=True) == {}
    assert admin.ok("GET", "users/get", username="dora")["user"]["is_admin"] is True
    assert admin.ok("PATCH", "users/update-password", username="dora", password=PASSWORD + "x") == {}
    assert User.objects.get(username="dora").check_password(PASSWORD + "x")
    assert {user["username"] for user in admin.ok("GET", "users/list")["users"]} == {"ops", "cy", "dora"}
    assert admin.ok("DELETE", "users/delete", username="dora") == {}
    assert admin.refused("GET", "users/get", username="dora") == (404, "RESOURCE_DOES_NOT_EXIST")
    assert admin.refused("DELETE", "users/delete", username="ops")[0] == 409


def test_ones_own_password_takes_the_present_one(cy: User, api_of: ApiOf) -> None:
    theirs = api_of(cy)
    for current in ({}, {"current_password": "wrong"}):
        assert theirs("PATCH", "users/update-password", username="cy", password=PASSWORD, **current)[0] in {400, 403}
    cy.refresh_from_db()
    assert cy.check_password("cy-password-12")
    theirs.ok("PATCH", "users/update-password", username="cy", password=PASSWORD, current_password="cy-password-12")
    cy.refresh_from_db()
    assert cy.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("POST", "users/create", {"password": PASSWORD}),
        ("PATCH", "users/update-admin", {"is_admin": True}),
        ("PATCH", "users/update-password", {"password": PASSWORD}),
        ("DELETE", "users/delete", {}),
        ("GET", "users/get", {}),
    ],
)
def test_accounts_of_others_are_for_superusers(
    method: str, path: str, fields: dict[str, Any], ada: User, cy: User, ops: User, api_of: ApiOf
) -> None:
    assert api_of(cy).refused(method, path, username="ada", **fields) == (403, "PERMISSION_DENIED")
    limited = api_of(ops)
    ApiToken.objects.filter(user=ops).update(scopes=["registry:read", "registry:write"])
    if method != "GET":
        assert limited.refused(method, path, username="ada", **fields) == (403, "PERMISSION_DENIED")
    ada.refresh_from_db()
    assert (ada.is_active, ada.is_superuser, ada.check_password("ada-password-1")) == (True, False, True)
    assert not Event.objects.filter(action__startswith="account.user", outcome="ok").exists()


def test_databricks_permissions_of_an_experiment(experiment: Experiment, api: Api, cy: User, api_of: ApiOf) -> None:
    where, prefix = f"experiments/{experiment.pk}", "/api/2.0/permissions/"
    entry = {"user_name": "cy", "permission_level": "CAN_EDIT"}
    assert api_of(cy)("GET", where, prefix=prefix)[0] == 404
    status, body = api("PATCH", where, prefix=prefix, access_control_list=[entry])
    assert status == 200
    assert body["access_control_list"][1]["all_permissions"][0]["permission_level"] == "CAN_EDIT"
    assert api_of(cy)("PATCH", where, prefix=prefix, access_control_list=[entry])[0] == 403
    assert api("PUT", where, prefix=prefix, access_control_list=[{**entry, "permission_level": "CAN_RUN"}])[0] == 400
    assert len(api("GET", f"{where}/permissionLevels", prefix=prefix)[1]["permission_levels"]) == 3
    assert api("PUT", where, prefix=prefix, access_control_list=[{**entry, "permission_level": "CAN_READ"}])[0] == 200
