"""The sandbox with an interpreter that has no model libraries: it starts, is limited, and its answer is read.

Model code runs in tests/validation/test_sandbox.py, which needs the libraries of .venv-mlflow.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from core.actors import Actor
from core.errors import InvalidState
from tracking.artifacts import store_artifact
from validation.sandbox import child, process
from validation.sandbox.container import Container, SandboxUnavailable, open_container
from validation.sandbox.process import run_inside
from validation.sandbox.smoke import smoke_test
from validation.sandbox.syscalls import filter_program

FOLDER = "0/r1/artifacts/model"
Store = Callable[[str, bytes], None]
needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


@pytest.fixture
def store(by_ada: Actor, settings: Settings) -> Store:
    settings.SMOKE_PYTHON = sys.executable

    def put(name: str, content: bytes) -> None:
        store_artifact(actor=by_ada, path=f"{FOLDER}/{name}", stream=io.BytesIO(content))

    return put


def attempt(log: Callable[[str], None] = lambda _: None, progress: Callable[[int], None] = lambda _: None) -> Any:
    return smoke_test(folder=FOLDER, seconds=60, memory_mb=2048, progress=progress, log=log)


@needs_bubblewrap
def test_without_the_libraries_of_models_the_reason_is_said(store: Store) -> None:
    store("MLmodel", b"flavors: {}")
    store("data/model.pkl", b"x" * 1000)
    lines: list[str] = []
    percent: list[int] = []
    answer = attempt(lines.append, percent.append)
    assert answer.problem == "The model does not work: ModuleNotFoundError: No module named 'mlflow'"
    assert b"ModuleNotFoundError: No module named 'mlflow'" in answer.log
    assert lines[0] == "copying 2 files, 1011 bytes"
    assert percent[:2] == sorted(percent[:2])
    assert 50 in percent
    assert not list(Path(tempfile.gettempdir()).glob("custody-smoke-*/model/data/model.pkl"))


@needs_bubblewrap
def test_a_process_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    container = open_container(sys.executable)
    seconds: list[float] = []
    outcome = run_inside(container, tmp_path, ["2048", "9"], seconds=0.0, tick=seconds.append, log=lambda _: None)
    assert (outcome.stopped, outcome.code, seconds) == ("it took longer than 0 seconds", -1, [])


@needs_bubblewrap
def test_an_answer_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MAX_ANSWER", 10)
    container = open_container(sys.executable)
    outcome = run_inside(container, tmp_path, ["2048", "9"], seconds=60, tick=lambda _: None, log=lambda _: None)
    assert (outcome.answer, outcome.code) == (b"", -1)
    assert outcome.stopped.startswith("its answer is larger than")


@needs_bubblewrap
@pytest.mark.parametrize(
    ("python", "why"),
    [("", "CUSTODY_SMOKE_PYTHON names no interpreter"), ("/bin/false", "does not run"), ("/no/such", "No such file")],
)
def test_an_interpreter_that_does_not_run_is_named(python: str, why: str) -> None:
    with pytest.raises(SandboxUnavailable, match=why):
        open_container(python)


def test_without_bubblewrap_there_is_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxUnavailable, match="bubblewrap"):
        open_container(sys.executable)


@needs_bubblewrap
def test_a_sandbox_that_cannot_start_gives_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validation.sandbox.container._AS_ROOT", ("--no-such-option",))
    monkeypatch.setattr("validation.sandbox.container._AS_USER", ("--no-such-option",))
    with pytest.raises(SandboxUnavailable, match="no-such-option"):
        open_container(sys.executable)


@needs_bubblewrap
def test_without_the_filter_of_system_calls_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    filter_program.cache_clear()
    monkeypatch.setattr("validation.sandbox.syscalls._LIBRARY", "libnothere.so.2")
    with pytest.raises(SandboxUnavailable, match="libseccomp is not installed"):
        open_container(sys.executable)
    filter_program.cache_clear()


def test_a_folder_without_files_is_not_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_trying(monkeypatch)
    with pytest.raises(InvalidState, match="The folder of the version has no files"):
        attempt()


def test_a_model_that_is_too_large_is_not_run(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_trying(monkeypatch)
    store("MLmodel", b"x" * 11)
    settings.SMOKE_MAX_BYTES = 10
    with pytest.raises(InvalidState, match="The model is too large for a smoke test: 1 files, 11 bytes"):
        attempt()


def test_a_name_that_no_file_can_have_is_not_copied(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_trying(monkeypatch)
    store("MLmodel", b"flavors: {}")
    store("n" * 300, b"x")
    with pytest.raises(InvalidState, match="cannot be copied"):
        attempt()
    assert not list(Path(tempfile.gettempdir()).glob("custody-smoke-*/model"))


def _without_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the trial of the sandbox: the files are copied before anything runs in it."""
    container = Container("bwrap", sys.executable, (), is_root=os.geteuid() == 0)
    monkeypatch.setattr("validation.sandbox.smoke.open_container", lambda _python: container)


# --- the program inside --------------------------------------------------------------------------------------------


class Table:
    """An answer with columns and values, as a data frame is."""

    columns = ("a", 2)

    def __init__(self, rows: list[list[float]]) -> None:
        self.values = Values(rows)

    def __len__(self) -> int:
        return len(self.values.rows)


class Values:
    """An array of rows."""

    def __init__(self, rows: list[list[float]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def tolist(self) -> list[list[float]]:
        return self.rows


@pytest.mark.parametrize(
    ("answer", "example", "facts"),
    [
        ([1, 2], [[0], [0]], {"rows": 2, "kind": "list", "columns": [], "first": [1, 2]}),
        (Values([[1.5]]), [[0]], {"rows": 1, "kind": "Values", "columns": [], "first": [[1.5]]}),
        (Table([[1, 2]]), [[0]], {"rows": 1, "kind": "Table", "columns": ["a", "2"], "first": [[1, 2]]}),
        (3, {"a": 1}, {"rows": 1, "kind": "int", "columns": [], "first": 3}),
        ({1}, "text", {"rows": 1, "kind": "set", "columns": [], "first": "{1}"}),
        ([1, 2, 3], [[0]], {"problem": "it was given 1 rows and answered 3"}),
    ],
)
def test_the_answer_of_a_model_is_described(answer: object, example: object, facts: dict[str, Any]) -> None:
    assert child.described(answer, example) == facts


def test_this_process_has_no_filter_and_its_probe_fails() -> None:
    if child.is_filtered():  # the tests themselves run in a container with a filter
        assert child.main(["--probe"]) == 0
    else:
        assert child.main(["--probe"]) == "the filter of system calls is not in force"
