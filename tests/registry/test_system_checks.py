"""Settings that would make the registry refuse everything stop the start instead."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from registry.system_checks import check_default_level, check_gates


@pytest.mark.parametrize("path", ["no.such.Gate", "registry.stages.Stage", "nodots"])
def test_a_gate_that_is_none(path: str, settings: Settings) -> None:
    settings.TRANSITION_GATES = ["approvals.gate.PolicyGate", path]
    (error,) = check_gates(None)
    assert (error.id, path in str(error.msg)) == ("registry.E001", True)


def test_the_gates_there_are(settings: Settings) -> None:
    settings.TRANSITION_GATES = ["approvals.gate.PolicyGate"]
    assert check_gates(None) == []


@pytest.mark.parametrize(("level", "errors"), [("edit", 0), ("read", 0), ("", 0), ("write", 1)])
def test_the_default_level(level: str, errors: int, settings: Settings) -> None:
    settings.DEFAULT_MODEL_LEVEL = level
    assert len(check_default_level(None)) == errors
