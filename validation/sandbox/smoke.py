"""The smoke test of a model: its files copied out of the store, loaded and asked inside the sandbox, its answer read with care."""

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
    """What the model answered, or the ``problem``. ``facts`` is the child's whole answer, as it was checked."""

    problem: str = ""
    rows: int = 0
    kind: str = ""
    columns: tuple[str, ...] = ()
    loader: str = ""
    log: bytes = b""
    facts: Mapping[str, Any] = field(default_factory=dict)


def smoke_test(*, folder: str, seconds: int, memory_mb: int, progress: Progress, log: Callable[[str], None]) -> Answer:
    """Load the model in an artifact folder and ask it about its input example.

    SandboxUnavailable: there is no sandbox, so nothing was run. InvalidState: the files cannot be copied out of the store.
    """
    container = open_container(settings.SMOKE_PYTHON)
    with _model_copy(folder, progress, log) as model:

        def tick(elapsed: float) -> None:
            progress(min(_RUNNING, int(_COPYING + (_RUNNING - _COPYING) * elapsed / seconds)))

        words = [str(memory_mb), str(seconds)]
        outcome = run_inside(container, model, words, seconds=seconds, tick=tick, said=log)
    return read_outcome(outcome)


@contextmanager
def _model_copy(folder: str, progress: Progress, log: Callable[[str], None]) -> Iterator[Path]:
    """Copy the model's files into a folder that nobody else can reach, checking every digest on the way."""
    files = folder_files(folder)
    if not files:
        raise InvalidState("The version's folder holds no files.")
    whole = sum(size for _, _, size in files)
    if len(files) > _MAX_FILES or whole > settings.SMOKE_MAX_BYTES:
        raise InvalidState(f"The model is too large to be tried here: {len(files)} files, {whole} bytes.")
    log(f"copying {len(files)} files, {whole} bytes")
    closed = Path(tempfile.mkdtemp(prefix="custody-smoke-"))
    root = closed / "model"  # inside the sandbox somebody else reads it; out here nobody gets past the closed folder
    root.mkdir(mode=0o755)
    try:
        done = 0
        for name, sha256, size in files:
            _copy(f"{folder}/{name}", root / name, sha256, root)
            done += size
            progress(done * _COPYING // max(1, whole))
        for path in (root, *root.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield root
    finally:
        shutil.rmtree(closed, ignore_errors=True)


def _copy(artifact: str, target: Path, sha256: str, root: Path) -> None:
    # A client's path is a key of a table, and clean (tracking/paths.py); here, alone, it becomes a path of a file system.
    if not target.resolve().is_relative_to(root.resolve()):
        raise InvalidState(f"The file {artifact[:200]!r} cannot be copied.")
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        _, stream = open_artifact(artifact)
        with stream, target.open("xb") as file:
            while piece := stream.read(CHUNK):
                digest.update(piece)
                file.write(piece)
    except (NotFound, OSError) as error:
        raise InvalidState(f"The file {artifact[:200]!r} cannot be copied: {error}") from error
    if digest.hexdigest() != sha256:
        raise InvalidState(f"The file {artifact[:200]!r} is not the one that was registered.")


def read_outcome(outcome: Outcome) -> Answer:
    """Return the answer of an outcome. Whatever is not exactly an answer is a problem."""
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
    """Return the fields of an answer, each of its type, or what is wrong."""
    if outcome.broken_off:
        return f"The model was broken off: {outcome.broken_off}."
    if outcome.code != 0:
        return f"The model broke off ({_died_of(outcome.code)})."
    try:
        facts = json.loads(outcome.answer, parse_constant=str)  # NaN and Infinity are no JSON
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        return "The model's process gave no answer that can be read."
    if isinstance(facts.get("problem"), str):
        return f"The model does not work: {_plain(facts['problem'], 500)}"
    rows = facts.get("rows")
    counted = isinstance(rows, int) and not isinstance(rows, bool) and isinstance(facts.get("columns"), list)
    if not counted or not all(isinstance(facts.get(key), str) for key in ("kind", "loader")):
        return "The model's process gave an answer of another shape."
    return facts


def _plain(text: str, longest: int) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:longest]


def _died_of(code: int) -> str:
    number = -code if code < 0 else code - 128
    try:
        return f"signal {signal.Signals(number).name}" if code < 0 or code > 128 else f"exit code {code}"  # noqa: PLR2004 - a shell's word for a signal
    except ValueError:
        return f"exit code {code}"
