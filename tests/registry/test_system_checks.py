"""Settings that would make the registry refuse everything stop the start instead."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from registry.system_checks import check_allowed_sources, check_default_level, check_gates


@pytest.mark.parametrize("path", ["no.such.Gate", "registry.stages.Stage", "nodots"])
def test_a_gate_that_is_none(path: str, settings: Settings) -> None:
    settings.TRANSITION_GATES = ["approvals.gate.PolicyGate", path]
    (error,) = check_gates(None)
    assert (error.id, path in str(error.msg)) == ("registry.E001", True)


def test_the_gates_there_are(settings: Settings) -> None:
    settings.TRANSITION_GATES = ["approvals.gate.PolicyGate"]
    assert check_gates(None) == []


@pytest.mark.parametrize(
    "entry", ["s3://", "s3://models", "s3://models/team/", "gs://b/x y", "mlflow-artifacts://other/1"]
)
def test_locations_that_a_source_can_have(entry: str, settings: Settings) -> None:
    settings.ALLOWED_SOURCES = [entry]
    assert check_allowed_sources(None) == []


@pytest.mark.parametrize(
    "entry",
    [
        "/mnt/models",
        "models",
        "s3:/models",
        "S3://models",
        "s3://*/x",
        "s3://m?x",
        "file:///srv",
        "s3://a/../b",
        "runs:/",
        "s3://a//b",
        "s3://m\\x",
    ],
)
def test_a_location_that_no_source_has_stops_the_start(entry: str, settings: Settings) -> None:
    settings.ALLOWED_SOURCES = ["s3://models/", entry]
    (error,) = check_allowed_sources(None)
    assert (error.id, repr(entry) in str(error.msg)) == ("registry.E003", True)


@pytest.mark.parametrize(("level", "errors"), [("edit", 0), ("read", 0), ("", 0), ("write", 1)])
def test_the_default_level(level: str, errors: int, settings: Settings) -> None:
    settings.DEFAULT_MODEL_LEVEL = level
    assert len(check_default_level(None)) == errors
