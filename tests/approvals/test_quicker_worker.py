"""A worker applies an approved request while its author asks again: the author has what they asked for, not an error."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.requests import transition as transitions
from approvals.requests.open import open_request
from approvals.requests.targets import is_there
from approvals.requests.transition import request_transition
from core.actors import Actor
from registry.models import ModelVersion
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, RunChecks


def test_applied_between_look_and_lock(
    policies: object,
    new_version: NewVersion,
    run_checks: RunChecks,
    by_ada: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new_version()
    asked: dict[str, Any] = {
        "actor": by_ada,
        "name": "fraud",
        "version": 1,
        "target": Stage.STAGING,
        "archive_existing": False,
    }
    run_checks(open_request(**asked))
    request_transition(**asked)
    looks = iter([False])

    def stale_first(row: ModelVersion, target: Stage) -> bool:
        return next(looks, is_there(row, target))

    monkeypatch.setattr(transitions, "is_there", stale_first)
    assert request_transition(**asked).stage == Stage.STAGING
