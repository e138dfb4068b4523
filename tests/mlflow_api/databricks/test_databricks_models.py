"""Models, versions and the direct move in Databricks' words."""

from __future__ import annotations

from approvals.models import TransitionRequest
from registry.models import RegisteredModel
from tests.approvals.conftest import NewVersion, _own_store, by_ada, new_version, policies, run_checks
from tests.mlflow_api.databricks_fixtures import MOVE, ONE
from tests.mlflow_api.registry_fixtures import Api, api, api_of

__all__ = ["_own_store", "api", "api_of", "by_ada", "new_version", "policies", "run_checks"]
TRANSITION = "databricks/model-versions/transition-stage"


def test_a_model_under_both_keys_with_its_id(new_version: NewVersion, api: Api) -> None:
    new_version()
    found = api.ok("GET", "databricks/registered-models/get", name="fraud")
    assert found["registered_model_databricks"] == found["registered_model"]
    model = found["registered_model"]
    assert (model["id"], model["name"]) == (str(RegisteredModel.objects.get().pk), "fraud")
    assert model["permission_level"] == "CAN_MANAGE"
    assert [version["version"] for version in model["latest_versions"]] == ["1"]


def test_an_ungoverned_move_under_both_keys(new_version: NewVersion, api: Api) -> None:
    new_version()
    moved = api.ok("POST", TRANSITION, **ONE, stage="staging", archive_existing_versions=False, comment="Try it.")
    assert moved["model_version_databricks"] == moved["model_version"]
    assert (moved["model_version"]["current_stage"], moved["model_version"]["version"]) == ("Staging", "1")
    assert moved["model_version"]["permission_level"] == "CAN_MANAGE"
    newest = api.ok("GET", "activities/list", **ONE)["activities"][0]
    assert (newest["activity_type"], newest["comment"]) == ("APPLIED_TRANSITION", "Try it.")


def test_a_governed_move_opens_a_request_and_is_refused(policies: object, new_version: NewVersion, api: Api) -> None:
    new_version()
    status, body = api("POST", TRANSITION, **MOVE, archive_existing_versions=True, comment="Now.")
    assert (status, body["error_code"]) == (403, "PERMISSION_DENIED")
    assert TransitionRequest.objects.get().comment == "Now."
    version = api.ok("POST", TRANSITION, **ONE, stage="Archived", archive_existing_versions=False)["model_version"]
    assert [request["to_stage"] for request in version["open_requests"]] == ["Production"]


def test_models_are_listed_page_by_page(new_version: NewVersion, api: Api) -> None:
    for name in ("alpha", "beta"):
        api.ok("POST", "registered-models/create", name=name)
    first = api.ok("GET", "registered-models/list", max_results="2")
    rest = api.ok("GET", "registered-models/list", max_results="2", page_token=first["next_page_token"])
    names = [model["name"] for page in (first, rest) for model in page["registered_models"]]
    assert names == ["alpha", "beta", "fraud"]
    assert "next_page_token" not in rest


def test_the_sdk_goes_on_without_a_discovery_document(api: Api) -> None:
    assert api.client.get("/.well-known/databricks-config").status_code == 404
