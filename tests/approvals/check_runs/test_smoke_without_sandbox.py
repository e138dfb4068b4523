"""model.smoke where there is no sandbox: the check fails with an error, and nothing is run."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from approvals import tasks
from approvals.models import CheckRun, CheckState
from approvals.requests.open import open_request
from core.actors import Actor
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.approvals.publishing import publish_policy
from tests.recorded_fixtures import recorded_fixture

POLICY = {"name": "smoked", "applies_to": {"target": "Staging"}, "rules": [{"id": "smoke", "check": "model.smoke"}]}


@pytest.fixture
@recorded_fixture
def job(new_version: NewVersion, by_ada: Actor) -> CheckRun:
    publish_policy(body=POLICY)
    version = new_version()
    request = open_request(
        actor=by_ada, name="fraud", version=version.version, target=Stage.STAGING, archive_existing=False
    )
    return CheckRun.objects.get(request=request)


@pytest.mark.parametrize(
    ("python", "path", "words"),
    [
        ("", None, "CUSTODY_SMOKE_PYTHON names no interpreter"),
        ("/usr/bin/python3", "/nowhere", "bubblewrap (bwrap) is not installed"),
        ("/no/such/python", None, "/no/such/python"),
    ],
)
def test_without_a_sandbox_nothing_is_run_and_nothing_passes(
    job: CheckRun, settings: Settings, monkeypatch: pytest.MonkeyPatch, python: str, path: str | None, words: str
) -> None:
    settings.SMOKE_PYTHON = python
    if path is not None:
        monkeypatch.setenv("PATH", path)
    else:
        monkeypatch.setattr("validation.sandbox.container.shutil.which", lambda _: "/usr/bin/true")
    tasks.run_check(job.pk)
    job.refresh_from_db()
    assert job.state in (CheckState.ERROR, CheckState.QUEUED)
    assert job.state == CheckState.ERROR, "an operator has to mend this: it is not tried again"
    assert "sandbox_unavailable" in job.summary
    assert words in job.summary
