"""How the answer of a smoke test is read: whatever is not exactly one is a problem."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.validation.conftest import MODELS
from validation.sandbox.container import Container
from validation.sandbox.process import Outcome
from validation.sandbox.smoke import read_outcome

GOOD = {"rows": 2, "kind": "ndarray", "columns": [], "loader": "mlflow.sklearn", "first": [0, 1]}


def outcome(answer: object, code: int = 0) -> Outcome:
    return Outcome(answer if isinstance(answer, bytes) else json.dumps(answer).encode(), b"log", code)


def test_a_good_answer_is_read() -> None:
    found = read_outcome(outcome(GOOD))
    assert (found.problem, found.rows, found.kind, found.loader) == ("", 2, "ndarray", "mlflow.sklearn")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (outcome(b""), "no readable answer"),
        (outcome(b"[" * 100_000), "no readable answer"),
        (outcome([GOOD]), "no readable answer"),
        (outcome(GOOD | {"rows": "2"}), "wrong fields"),
        (outcome(GOOD | {"rows": True}), "wrong fields"),
        (outcome(GOOD | {"columns": None}), "wrong fields"),
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
