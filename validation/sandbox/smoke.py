"""The smoke test: copies a model out of the store, runs it in the sandbox, and checks its answer field by field."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from core.errors import InvalidState, NotFound
from tracking.artifacts import folder_files, open_artifact
from tracking.store import CHUNK
from validation.sandbox.container import open_container
from validation.sandbox.process import Outcome, run_inside

_MAX_FILES = 10_000
_MAX_NAME = 200
_COPYING, _RUNNING = 50, 95  # percent

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a model, or the ``problem``, a sentence. ``facts`` are the checked fields of the answer."""

    problem: str = ""
    rows: int = 0
    kind: str = ""
    columns: tuple[str, ...] = ()
    loader: str = ""
    log: bytes = b""
    facts: Mapping[str, Any] = field(default_factory=dict)


def smoke_test(*, folder: str, seconds: int, memory_mb: int, progress: Progress, log: Callable[[str], None]) -> Answer:
    """Return the answer of the model in an artifact folder to its input example. ``memory_mb`` is in MiB.

    Raises SandboxUnavailable (nothing was run), InvalidState (the files cannot be copied out of the store).
    """
    container = open_container(settings.SMOKE_PYTHON)
    with _model_copy(folder, progress, log) as model:

        def tick(elapsed: float) -> None:
            progress(min(_RUNNING, int(_COPYING + (_RUNNING - _COPYING) * elapsed / seconds)))

        limits = [str(memory_mb), str(seconds)]
        outcome = run_inside(container, model, limits, seconds=seconds, tick=tick, log=log)
    return read_outcome(outcome)


@contextmanager
def _model_copy(folder: str, progress: Progress, log: Callable[[str], None]) -> Iterator[Path]:
    """Yield a copy of the model's files, with every digest verified, in a folder that other users cannot reach.

    Raises InvalidState for files that are missing, too large, changed, or have a name that no file can have.
    """
    files = folder_files(folder)
    if not files:
        raise InvalidState("The folder of the version has no files.")
    total = sum(size for _, _, size in files)
    if len(files) > _MAX_FILES or total > settings.SMOKE_MAX_BYTES:
        raise InvalidState(f"The model is too large for a smoke test: {len(files)} files, {total} bytes.")
    log(f"copying {len(files)} files, {total} bytes")
    private = Path(tempfile.mkdtemp(prefix="custody-smoke-"))
    root = private / "model"  # readable for the user inside the sandbox; outside, the private folder protects it
    root.mkdir(mode=0o755)
    try:
        copied = 0
        for name, sha256, size in files:
            _copy(f"{folder}/{name}", root / name, sha256, root)
            copied += size
            progress(copied * _COPYING // max(1, total))
        for path in (root, *root.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield root
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _copy(artifact: str, target: Path, sha256: str, root: Path) -> None:
    # Elsewhere a path from a client is only a key in a table (tracking/paths.py). Here it becomes a path on disk.
    if not target.resolve().is_relative_to(root.resolve()):
        raise InvalidState(f"The file {artifact[:200]!r} cannot be copied.")
    digest = hashlib.sha256()
    try:
        _, stream = open_artifact(artifact)
    except NotFound as error:
        raise InvalidState(f"The file {artifact[:200]!r} cannot be copied: {error}") from error
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("xb")
    except OSError as error:  # for example a name that no file can have
        stream.close()
        raise InvalidState(f"The file {artifact[:200]!r} cannot be copied: {error}") from error
    with stream, file:  # errors from here on are outages: the store does not answer, or the disk is full
        while piece := stream.read(CHUNK):
            digest.update(piece)
            file.write(piece)
    if digest.hexdigest() != sha256:
        raise InvalidState(f"The file {artifact[:200]!r} is not the one that was registered.")


def read_outcome(outcome: Outcome) -> Answer:
    """Return the answer in the outcome of a process. An incomplete answer becomes a problem."""
    facts = _facts(outcome)
    if isinstance(facts, str):
        return Answer(problem=facts, log=outcome.log)
    return Answer(
        rows=facts["rows"],
        kind=_plain(facts["kind"], _MAX_NAME),
        columns=tuple(_plain(str(name), _MAX_NAME) for name in facts["columns"][:_MAX_NAME]),
        loader=_plain(facts["loader"], _MAX_NAME),
        log=outcome.log,
        facts={key: facts.get(key) for key in ("rows", "kind", "columns", "loader", "first")},
    )


def _facts(outcome: Outcome) -> dict[str, Any] | str:
    """Return the fields of an answer, each of the right type, or a sentence with its problem."""
    if outcome.stopped:
        return f"The model was stopped: {outcome.stopped}."
    if outcome.code != 0:
        return f"The process of the model ended with {_exit_reason(outcome.code)}."
    try:
        facts = json.loads(outcome.answer, parse_constant=str)  # NaN and Infinity are not JSON
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        return "The process of the model gave no readable answer."
    if isinstance(facts.get("problem"), str):
        return f"The model does not work: {_plain(facts['problem'], 500)}"
    rows = facts.get("rows")
    is_counted = isinstance(rows, int) and not isinstance(rows, bool) and isinstance(facts.get("columns"), list)
    if not is_counted or not all(isinstance(facts.get(key), str) for key in ("kind", "loader")):
        return "The process of the model gave an answer with wrong fields."
    return facts


def _plain(text: str, longest: int) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:longest]


def _exit_reason(code: int) -> str:
    number = -code if code < 0 else code - 128
    try:
        return f"signal {signal.Signals(number).name}" if code < 0 or code > 128 else f"exit code {code}"  # noqa: PLR2004 - how a shell reports a signal
    except ValueError:
        return f"exit code {code}"
