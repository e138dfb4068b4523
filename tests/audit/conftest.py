"""A small log, and exports of it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from audit.actions import Action
from audit.exports.files import file_of
from audit.exports.jobs import build_export, start_export
from audit.exports.selection import Filters
from audit.services import record
from audit.transparency.keys import log_signers
from audit.transparency.sequencer import Sequencer
from audit.transparency.state import published
from audit.verifier.audit_verify import Key
from core.actors import Actor
from core.errors import NotFound
from tests.conftest import Acting


def export(*, actor: Actor, filters: Filters) -> Path:
    """Make an export as a worker does; return its file."""
    job = start_export(actor=actor, filters=filters)
    assert build_export(job.pk)
    job.refresh_from_db()
    return file_of(job)


def subject(actor: Actor, name: str) -> str:
    """Know one model, `clf`, which cy may not read."""
    if name != "clf" or actor.name == "cy":
        raise NotFound(f"Registered Model with name={name} not found")
    return "model:1"


@pytest.fixture(autouse=True)
def _by_itself(settings: Settings) -> None:
    """Know one model, and tell nobody of events: what is built on the log has tests of its own."""
    settings.AUDIT_SUBJECTS = ["tests.audit.conftest.subject"]
    settings.AUDIT_CONSUMERS = []


@pytest.fixture
def log(ada: User, bea: User, acting: Acting) -> None:
    """Three events of clf, one of them denied, with two others between them."""
    ours: Any = {"stream": "model:1", "obj": "model:clf"}
    record(actor=acting(ada), action=Action.REGISTRY_MODEL_CREATED, after={"tags": {"team": "=1+1"}}, **ours)
    record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:r1")
    record(actor=acting(bea), action=Action.REGISTRY_STAGE_CHANGED, reason="-2 points\nbut faster “é”", **ours)
    record(actor=acting(bea), action=Action.REGISTRY_MODEL_CREATED, obj="model:x", stream="model:2")
    record(actor=acting(ada), action=Action.REGISTRY_MODEL_DELETED, outcome="denied", reason="No.", **ours)


@pytest.fixture
def exported(log: None, ada: User, acting: Acting) -> Path:
    """Return the zip of clf's events."""
    return export(actor=acting(ada), filters=Filters(model="clf"))


@pytest.fixture
def keys() -> list[Key]:
    """Return the public keys of the log, as an auditor has kept them."""
    return [signer.key for signer in log_signers()]


@pytest.fixture
def vkey(tmp_path: Path) -> str:
    """Return the path of a file with the public keys of the log."""
    path = tmp_path / "log.vkey"
    path.write_text("".join(f"{signer.vkey}\n" for signer in log_signers()))
    return str(path)


@pytest.fixture
def kept(log: None) -> bytes:
    """Return the checkpoint of the first five events, as an auditor keeps it elsewhere."""
    Sequencer().run_once()
    return (published(log_signers()[0].name).folder / "checkpoint").read_bytes()


@pytest.fixture
def unpacked(exported: Path, tmp_path: Path) -> Path:
    """Return the directory the zip was unpacked into."""
    with zipfile.ZipFile(exported) as package:
        package.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked"


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a download not wait for a worker: none runs in these tests."""
    monkeypatch.setattr("audit.downloads._START_SECONDS", 0.0)
