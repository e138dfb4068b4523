"""model.smoke where there is no sandbox, and how an answer is read: whatever is not exactly one is a problem."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from approvals import tasks
from approvals.models import CheckRun, CheckState
from approvals.requests.open import open_request
from core.actors import Actor
from registry.stages import Stage
from tests.approvals.conftest import MODELS, NewVersion
from tests.approvals.publishing import publish_policy
from validation.sandbox.container import Container
from validation.sandbox.process import Outcome
from validation.sandbox.smoke import read_outcome

POLICY = {"name": "smoked", "applies_to": {"target": "Staging"}, "rules": [{"id": "smoke", "check": "model.smoke"}]}
GOOD = {"rows": 2, "kind": "ndarray", "columns": [], "loader": "mlflow.sklearn", "first": [0, 1]}


@pytest.fixture
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


def outcome(answer: object, code: int = 0) -> Outcome:
    return Outcome(answer if isinstance(answer, bytes) else json.dumps(answer).encode(), b"log", code)


def test_a_good_answer_is_read() -> None:
    found = read_outcome(outcome(GOOD))
    assert (found.problem, found.rows, found.kind, found.loader) == ("", 2, "ndarray", "mlflow.sklearn")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (outcome(b""), "no answer"),
        (outcome(b"[" * 100_000), "no answer"),
        (outcome([GOOD]), "no answer"),
        (outcome(GOOD | {"rows": "2"}), "another shape"),
        (outcome(GOOD | {"rows": True}), "another shape"),
        (outcome(GOOD | {"columns": None}), "another shape"),
        (outcome({"problem": "it is broken"}), "does not work: it is broken"),
        (outcome(GOOD, code=-9), "SIGKILL"),
        (outcome(GOOD, code=137), "SIGKILL"),
        (outcome(GOOD, code=1), "exit code 1"),
        (Outcome(b"", b"", -1, "it took longer than 3 seconds"), "longer than 3 seconds"),
    ],
)
def test_what_is_no_answer(bad: Outcome, words: str) -> None:
    assert words in read_outcome(bad).problem


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_no_bytes_break_the_reading(data: bytes) -> None:
    assert read_outcome(outcome(data)).problem


@pytest.mark.parametrize("is_root", [True, False])
def test_the_sandbox_shares_nothing(is_root: bool) -> None:
    words = Container("bwrap", "/opt/env/bin/python", ("/opt/env",), is_root).command(MODELS, ["2048", "9"], seccomp=7)
    line = " ".join(words)
    for wanted in ("--die-with-parent", "--new-session", "--clearenv", "--cap-drop ALL", f"--ro-bind {MODELS} /model"):
        assert wanted in line
    assert ("--unshare-net" in line) is is_root
    assert ("--unshare-all" in line) is not is_root
    assert "--bind " not in line.replace("--ro-bind ", "")
    assert ("setpriv --reuid" in line) is is_root
