"""Every route of MLflow's protocol is reached from the root, where only paths with its beginnings are looked up."""

from __future__ import annotations

import re

import pytest
from django.urls import get_resolver, resolve

from config.paths import MlflowPaths
from mlflow_api.urls import RPC_VIEWS, urlpatterns

_EXAMPLES = {
    "health", "version", "get-artifact", "model-versions/get-artifact", "v1/traces", "v1/metrics", "v1/logs", "graphql",
    "ajax-api/graphql", "gateway/x", "api/2.0/mlflow/nosuch", "ajax-api/3.0/mlflow/nosuch", "api/2.0/mlflow-artifacts/artifacts/a",
}  # fmt: skip


@pytest.mark.parametrize("path", sorted({path.lstrip("/") for path in RPC_VIEWS} | _EXAMPLES))
def test_a_route_is_reached_from_the_root(path: str) -> None:
    expected = get_resolver("mlflow_api.urls").resolve(f"/{path}")
    assert resolve(f"/{path}").func == expected.func


@pytest.mark.parametrize("pattern", [str(each.pattern) for each in urlpatterns])
def test_a_pattern_begins_like_a_path_of_the_protocol(pattern: str) -> None:
    """Other beginnings are not looked up."""
    pattern = re.sub(r"/\(\?:[^)]*\)", "/", pattern)  # alternatives inside a path
    beginnings = set(re.findall(r"(?:^\^?|\||\(\?:)([a-z0-9-]+)", pattern))
    examples = {"api": "api/2.0/x", "ajax-api": "ajax-api/3.0/x", "v1": "v1/traces", "gateway": "gateway/x"}
    examples |= {"model-versions": "model-versions/get-artifact"}
    for beginning in beginnings:
        assert MlflowPaths().match(examples.get(beginning, beginning)), beginning
    assert beginnings, pattern
