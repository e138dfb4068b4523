"""model-versions/transition-stage where no policy governs: as upstream, but never two in Production."""

from __future__ import annotations

from typing import Any

import pytest

from registry.models import ModelVersion
from tests.mlflow_api.registry_fixtures import MODELS, VERSIONS, Api, api, api_of
from tests.registry.conftest import NewVersion, _own_store, by_ada, fraud, new_version, run

__all__ = ["_own_store", "api", "api_of", "by_ada", "fraud", "new_version", "run"]


def stage(api: Api, version: int, target: str, **more: object) -> dict[str, str]:
    found = api.ok("POST", f"{VERSIONS}/transition-stage", name="fraud", version=str(version), stage=target, **more)
    return found["model_version"]  # type: ignore[no-any-return]  # JSON


@pytest.mark.parametrize("name", ["Staging", "staging", "STAGING", " production ", "Archived", "none"])
def test_a_stage_in_any_case(name: str, api: Api, new_version: NewVersion) -> None:
    new_version()
    assert stage(api, 1, name)["current_stage"] == name.strip().capitalize()


def test_archiving_existing_versions(api: Api, new_version: NewVersion) -> None:
    new_version()
    new_version()
    stage(api, 1, "Production")
    stage(api, 2, "Production", archive_existing_versions=True)
    assert list(ModelVersion.objects.order_by("version").values_list("stage", flat=True)) == ["Archived", "Production"]


def test_without_archiving_readers_get_the_last_promoted(api: Api, new_version: NewVersion) -> None:
    new_version()
    new_version()
    stage(api, 2, "Production")
    stage(api, 1, "Production")
    latest = api.ok("POST", f"{MODELS}/get-latest-versions", name="fraud", stages=["Production"])["model_versions"]
    assert [version["version"] for version in latest] == ["1"]


@pytest.mark.parametrize("target", ["None", "Archived"])
def test_archiving_others_needs_an_active_stage(target: str, api: Api, new_version: NewVersion) -> None:
    new_version()
    fields: dict[str, Any] = {"name": "fraud", "version": "1", "stage": target, "archive_existing_versions": True}
    status, body = api("POST", f"{VERSIONS}/transition-stage", **fields)
    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "is not an Active stage" in body["message"]
