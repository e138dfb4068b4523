"""registered-models/alias: set, move, find, delete, with the errors as measured."""

from __future__ import annotations

from typing import Any

import pytest

from registry.models import Alias
from tests.mlflow_api.registry_fixtures import MODELS, Api, api, api_of
from tests.registry.conftest import NewVersion, _own_store, by_ada, fraud, new_version, run

__all__ = ["_own_store", "api", "api_of", "by_ada", "fraud", "new_version", "run"]


def test_set_get_delete(api: Api, new_version: NewVersion) -> None:
    new_version()
    assert api.ok("POST", f"{MODELS}/alias", name="fraud", alias="champion", version="1") == {}
    found = api.ok("GET", f"{MODELS}/alias", name="fraud", alias="champion")["model_version"]
    assert (found["version"], found["aliases"]) == ("1", ["champion"])
    model = api.ok("GET", f"{MODELS}/get", name="fraud")["registered_model"]
    assert model["aliases"] == [{"alias": "champion", "version": "1"}]
    for _ in range(2):
        assert api.ok("DELETE", f"{MODELS}/alias", name="fraud", alias="champion") == {}


@pytest.mark.parametrize(
    ("method", "fields", "answer"),
    [
        ("GET", {"alias": "nope"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", {"alias": "x", "name": "none"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", {"alias": "latest", "version": "1"}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", {"alias": "v7", "version": "1"}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", {"alias": "a b", "version": "1"}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", {"alias": "ok", "version": "99"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", {"alias": "ok", "version": "abc"}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", {"alias": "ok"}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", {"alias": "ok", "version": "1", "name": "none"}, (404, "RESOURCE_DOES_NOT_EXIST")),
    ],
)
def test_errors(
    method: str, fields: dict[str, Any], answer: tuple[int, str], api: Api, new_version: NewVersion
) -> None:
    new_version()
    assert api.refused(method, f"{MODELS}/alias", **{"name": "fraud", **fields}) == answer
    assert not Alias.objects.exists()
