"""Model code, run for real in bubblewrap: a good model answers, and a hostile one gets nowhere.

The hostile models are MLflow models whose loader is a module of their own, as anybody could register one.
"""

from __future__ import annotations

import errno
import io
import json
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from core.actors import Actor
from tests.e2e.installation import ROOT
from tests.validation.conftest import MODELS
from tracking.artifacts import store_artifact
from validation.sandbox.container import SandboxUnavailable
from validation.sandbox.smoke import Answer, smoke_test
from validation.sandbox.syscalls import filter_program

PYTHON = ROOT / ".venv-mlflow" / "bin" / "python"
FOLDER = "0/r1/artifacts/model"
MLMODEL = """
flavors:
  python_function:
    code: code
    loader_module: hostile
    python_version: 3.11.0
mlflow_version: 3.17.2
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  type: dataframe
"""
EXAMPLE = '{"columns": ["a"], "data": [[1.0]]}'
Try = Callable[..., Answer]

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: no model code is run"),
    pytest.mark.skipif(not PYTHON.exists(), reason=".venv-mlflow is missing (script/test sandbox makes it)"),
]


@pytest.fixture
def store(by_ada: Actor, settings: Settings) -> Callable[[str, bytes], None]:
    settings.SMOKE_PYTHON = str(PYTHON)

    def put(name: str, content: bytes) -> None:
        store_artifact(actor=by_ada, path=f"{FOLDER}/{name}", stream=io.BytesIO(content))

    return put


def attempt(*, seconds: int = 240, memory_mb: int = 2048, progress: Callable[[int], None] = lambda _: None) -> Answer:
    return smoke_test(folder=FOLDER, seconds=seconds, memory_mb=memory_mb, progress=progress, log=lambda _: None)


@pytest.fixture
def hostile(store: Callable[[str, bytes], None]) -> Try:
    """Return a function that registers a model whose `predict` is this code, and tries it."""

    def run(code: str, **limits: Any) -> Answer:
        lines = "\n".join(f"        {line}" for line in code.strip().splitlines())
        store(
            "code/hostile.py",
            f"class Model:\n    def predict(self, frame, *_, **__):\n{lines}\n\n\ndef _load_pyfunc(path):\n    return Model()\n".encode(),
        )
        store("MLmodel", MLMODEL.encode())
        store("input_example.json", EXAMPLE.encode())
        return attempt(**limits)

    return run


def test_without_the_filter_nothing_is_run(hostile: Try, monkeypatch: pytest.MonkeyPatch) -> None:
    filter_program.cache_clear()
    monkeypatch.setattr("validation.sandbox.syscalls._LIBRARY", "libnothere.so.2")
    with pytest.raises(SandboxUnavailable, match="libseccomp is not installed"):
        hostile("return [1]")
    filter_program.cache_clear()


def test_a_real_model_answers(store: Callable[[str, bytes], None]) -> None:
    for file in sorted((MODELS / "mlflow").iterdir()):
        store(file.name, file.read_bytes())
    answer = attempt()
    assert answer.problem == ""
    assert (answer.rows, answer.kind, answer.loader) == (2, "ndarray", "mlflow.sklearn")
    assert b"asking it for predictions" in answer.log


@pytest.fixture
def listener() -> Iterator[tuple[int, list[object]]]:
    """A server on this machine that must never hear anything."""
    heard: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    heard.append(server.accept())
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        yield server.getsockname()[1], heard
        over.set()
        thread.join()


PROBE = """
import json, os, resource, socket, subprocess
found = {{}}
def note(name, act):
    try:
        found[name] = repr(act())[:200]
    except BaseException as error:
        found[name] = "refused: " + type(error).__name__
note("loopback", lambda: socket.create_connection(("127.0.0.1", {port}), 2))
note("metadata", lambda: socket.create_connection(("169.254.169.254", 80), 2))
note("names", lambda: socket.getaddrinfo("pypi.org", 443))
note("shadow", lambda: open("/etc/shadow").read())
note("passwd", lambda: open("/etc/passwd").read())
note("project", lambda: os.listdir("{root}/approvals"))
note("data", lambda: os.listdir("{data}"))
note("home", lambda: os.listdir("/root") if os.path.exists("/root/.ssh") else [])
note("model", lambda: open("/model/MLmodel", "a"))
note("library", lambda: open(json.__file__, "a"))
note("usr", lambda: open("/usr/bin/evil", "w"))
note("top", lambda: open("/evil", "w"))
note("raise", lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)))
note("become", lambda: os.setuid(0))
note("mount", lambda: subprocess.run(["unshare", "-Ur", "true"], check=True, capture_output=True) and "did")
print("FOUND " + json.dumps(found))
import sys
return [json.dumps({{"found": found, "env": dict(os.environ), "pids": [p for p in os.listdir("/proc") if p.isdigit()], "uid": os.getuid()}})]
"""


def test_it_reaches_nothing(
    hostile: Try, listener: tuple[int, list[object]], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, heard = listener
    monkeypatch.setenv("CUSTODY_SECRET_KEY", "a-secret-of-the-worker")
    answer = hostile(PROBE.format(port=port, root=ROOT, data=settings.DATA_DIR))
    assert answer.problem == "", answer.log
    said = json.loads(answer.facts["first"][0])
    nothing = [
        name for name, what in said["found"].items() if not what.startswith("refused") and name not in ("home", "mount")
    ]
    assert nothing == [], said
    assert said["found"]["home"] == "[]"
    assert heard == []
    assert "a-secret-of-the-worker" not in str(said)
    assert not any(name.startswith(("CUSTODY", "DATABASE", "REDIS", "AWS")) for name in said["env"])
    assert len(said["pids"]) <= 6, "it sees its own processes alone"
    assert said["uid"] != 0


KERNEL = """
import ctypes, json, os, platform
libc = ctypes.CDLL(None, use_errno=True)
numbers = {"x86_64": {"io_uring_setup": 425, "bpf": 321, "userfaultfd": 323, "keyctl": 250, "ptrace": 101, "unshare": 272, "mount": 165, "perf_event_open": 298, "setns": 308, "open_tree": 428, "clone": 56},
           "aarch64": {"io_uring_setup": 425, "bpf": 280, "userfaultfd": 282, "keyctl": 219, "ptrace": 117, "unshare": 97, "mount": 40, "perf_event_open": 241, "setns": 268, "open_tree": 428, "clone": 220}}
found = {}
for name, number in numbers[platform.machine()].items():
    ctypes.set_errno(0)
    flags = 0x10000000 if name in ("clone", "unshare") else 0
    answer = libc.syscall(number, flags, 0, 0, 0, 0)
    found[name] = [answer, ctypes.get_errno()]
for family in (17, 38, 40):
    found[f"socket {family}"] = [libc.socket(family, 5 if family == 38 else 1, 0), ctypes.get_errno()]
return [json.dumps(found)]
"""


def test_the_rarer_parts_of_the_kernel_are_shut(hostile: Try) -> None:
    answer = hostile(KERNEL)
    assert answer.problem == "", answer.log
    found = json.loads(answer.facts["first"][0])
    refused = {name: [-1, errno.EAFNOSUPPORT if name.startswith("socket") else errno.EPERM] for name in found}
    assert found == refused


def test_threads_children_and_sockets_of_the_usual_kind_work(hostile: Try) -> None:
    code = """
import socket, subprocess, threading
heard = []
thread = threading.Thread(target=heard.append, args=(1,))
thread.start(); thread.join()
one, other = socket.socketpair()
one.sendall(b"x")
heard.append(other.recv(1) == b"x")
heard.append(subprocess.run(["true"]).returncode)
return [str(heard)]
"""
    answer = hostile(code)
    assert answer.facts["first"] == ["[1, True, 0]"], answer


@pytest.mark.parametrize(
    ("code", "limits", "words"),
    [
        ("while True: pass", {"seconds": 6}, "longer than 6 seconds"),
        ("import time; time.sleep(600)", {"seconds": 6}, "longer than 6 seconds"),
        ("return [bytearray(3 * 1024**3)]", {"memory_mb": 1024}, "does not work"),
        ("import os\nwhile True: os.write(1, b'x' * 65536)", {"seconds": 6}, "longer than 6 seconds"),
        ("return ['x' * 5_000_000]", {}, "larger than 1 MB"),
        ("import os; os._exit(0)", {}, "no readable answer"),
        ("import sys; sys.exit(3)", {}, "SystemExit"),
        ("import os; os.kill(os.getpid(), 11)", {}, "SIGSEGV"),
        ("raise ValueError('no')", {}, "ValueError: no"),
        ("return [1, 2, 3]", {}, "given 1 rows and answered 3"),
    ],
)
def test_it_is_stopped_and_fails(hostile: Try, code: str, limits: dict[str, Any], words: str) -> None:
    answer = hostile(code, **limits)
    assert words in answer.problem, answer


def test_a_fork_bomb_stays_small_and_leaves_nothing(hostile: Try) -> None:
    code = """
import os, time
made = 0
for _ in range(2000):
    try:
        if os.fork() == 0:
            time.sleep(10)
            os._exit(0)
    except OSError:
        break
    made += 1
return [made]
"""
    answer = hostile(code)
    assert answer.problem == "", answer.log
    assert 0 < answer.facts["first"][0] < 100
    assert left_over() == []


def test_it_cannot_fill_the_disk(hostile: Try) -> None:
    code = """
import os
total = 0
try:
    for folder in ("/tmp", "/dev/shm"):
        for n in range(100):
            with open(f"{folder}/fill-{n}", "wb") as file:
                for _ in range(60):
                    total += file.write(b"x" * 1024 * 1024)
except OSError as error:
    pass
return [total // 1024**2]
"""
    answer = hostile(code)
    assert answer.problem == "", answer.log
    assert answer.facts["first"][0] <= 256 + 64


class CancelledError(Exception):
    """Raised by `progress` when somebody cancelled the check."""


def test_a_cancelled_check_ends_it_at_once(hostile: Try) -> None:
    calls = []

    def progress(percent: int) -> None:
        calls.append(percent)
        if len(calls) > 6:
            raise CancelledError

    with pytest.raises(CancelledError):
        hostile("import time; time.sleep(600)", progress=progress)
    assert left_over() == []


def left_over() -> list[str]:
    """Return what still runs of a sandbox, after a moment for the kernel to bury the dead."""
    deadline = time.monotonic() + 60
    while (found := [name for name in _processes() if "child.py" in name]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _processes() -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield f"{entry.name} {(entry / 'cmdline').read_bytes().decode('utf-8', 'replace')}"
            except OSError:
                continue


def test_nothing_is_left_in_the_temporary_folder(hostile: Try) -> None:
    before = set(Path(tempfile.gettempdir()).glob("custody-smoke-*"))  # another run's, killed on its way
    hostile("return [1]")
    assert set(Path(tempfile.gettempdir()).glob("custody-smoke-*")) <= before
