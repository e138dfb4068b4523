"""The safety net looks at every open request in its turn, however many wait."""

from __future__ import annotations

from approvals.requests.open import open_request
from approvals.requests.settle import requests_to_settle
from core.actors import Actor
from registry.stages import Stage
from tests.approvals.conftest import NewVersion


def test_the_last_batch_is_looked_at_too(policies: object, by_ada: Actor, new_version: NewVersion) -> None:
    opened = []
    for _ in range(3):
        version = new_version()
        request = open_request(
            actor=by_ada, name="fraud", version=version.version, target=Stage.PRODUCTION, archive_existing=True
        )
        request.check_runs.all().delete()
        opened.append(request.pk)
    assert requests_to_settle() == opened
    assert [requests_to_settle(turn=turn, batch=2) for turn in (4, 5)] == [opened[:2], opened[2:]]
