"""With the public key and one old checkpoint the verifier finds every change of an export, and no change in good ones.

A sample runs always; the whole is marked `long`: 1,000 careless and 1,000 forged changes of each kind of export, and
100 good exports.
"""

from __future__ import annotations

import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.models import User
from audit.actions import Action
from audit.exports.selection import Filters
from audit.services import record
from audit.transparency.keys import log_signers
from audit.transparency.notes import Signer
from audit.transparency.sequencer import Sequencer
from audit.transparency.state import published
from audit.verifier.audit_verify import Key, Unusable, verify
from tests.audit import forging
from tests.audit.conftest import export
from tests.conftest import Acting

KINDS = pytest.mark.parametrize(
    "filters",
    [Filters(), Filters(model="clf"), Filters(first_seq=3), Filters(actor="ada")],
    ids=["log", "model", "numbers", "actor"],
)
MANY = pytest.mark.parametrize(
    "count", [pytest.param(15, id="sample"), pytest.param(1000, id="all", marks=pytest.mark.long)]
)
GOOD = pytest.mark.parametrize(
    "count", [pytest.param(3, id="sample"), pytest.param(100, id="all", marks=pytest.mark.long)]
)
EVENTS, EVENTS_AT_OLD = 40, 25
MODELS = ["model:1", "model:2", ""]
ACTIONS = [Action.REGISTRY_MODEL_UPDATED, Action.REGISTRY_VERSION_CREATED, Action.REGISTRY_VERSION_UPDATED]

Mutation = Callable[[Path, random.Random], None]


def write_events(people: list[User], acting: Acting, rng: random.Random, count: int) -> None:
    for _ in range(count):
        stream = rng.choice(MODELS)
        record(
            actor=acting(rng.choice(people)),
            action=rng.choice(ACTIONS),
            obj="model:clf" if stream else "run:r",
            stream=stream,
            outcome=rng.choice(["ok", "ok", "denied"]),
            after={"count": rng.randrange(10**9), "description": rng.choice(["", "a text", "=2+2"])},
            reason=rng.choice(["", "=1+1", "a\nb", "é“”"]),
        )


def checkpoint() -> bytes:
    Sequencer().run_once()
    return (published(log_signers()[0].name).folder / "checkpoint").read_bytes()


@pytest.fixture
def old(ada: User, bea: User, acting: Acting) -> bytes:
    """Return the checkpoint that an auditor kept; events follow it."""
    rng = forging.chances(1)
    write_events([ada, bea], acting, rng, EVENTS_AT_OLD)
    kept = checkpoint()
    write_events([ada, bea], acting, rng, EVENTS - EVENTS_AT_OLD)
    return kept


@pytest.fixture
def original(old: bytes, ops: User, acting: Acting, tmp_path: Path, filters: Filters) -> Path:
    """Return the directory of an unpacked export."""
    with zipfile.ZipFile(export(actor=acting(ops), filters=filters)) as package:
        package.extractall(tmp_path / "original")
    return tmp_path / "original"


def is_accepted(folder: Path, keys: list[Key], old: bytes) -> bool:
    try:
        return verify(folder, keys, [old]).errors == []
    except Unusable:
        return False


def accepted(original: Path, keys: list[Key], old: bytes, count: int, mutate: Mutation) -> list[int]:
    """Return the seeds of the changes that the verifier does not find."""
    assert is_accepted(original, keys, old)
    copy, seeds = original.with_name("changed"), []
    for seed in range(count):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(original, copy)
        mutate(copy, forging.chances(seed))
        if is_accepted(copy, keys, old):
            seeds.append(seed)
    return seeds


def careless(folder: Path, rng: random.Random) -> None:
    rng.choice(forging.NAIVE)(folder, rng)


def forged(folder: Path, rng: random.Random) -> None:
    """Change the entries and recompute all that follows from them, knowing everything but the log's key."""
    entries = forging.read_entries(folder)
    rng.choice(forging.FORGED)(entries, rng)
    forging.rebuild(folder, entries, None, keep_signatures=rng.random() < 0.5)


def rewritten(folder: Path, rng: random.Random, signer: Signer) -> None:
    """Change the past that the old checkpoint covers, and sign it with the key of the server."""
    entries = forging.read_entries(folder)
    past = entries[:EVENTS_AT_OLD]
    rng.choice([forging.drop, forging.insert, forging.edit])(past, rng)
    entries = past + entries[EVENTS_AT_OLD:]
    forging.renumber(entries)
    forging.rebuild(folder, entries, signer)


@KINDS
@MANY
def test_careless_changes_are_found(original: Path, keys: list[Key], old: bytes, count: int) -> None:
    assert accepted(original, keys, old, count, careless) == []


@KINDS
@MANY
def test_forgeries_are_found(original: Path, keys: list[Key], old: bytes, count: int) -> None:
    assert accepted(original, keys, old, count, forged) == []


@pytest.mark.parametrize("filters", [Filters()], ids=["log"])
@MANY
def test_even_the_server_cannot_change_the_kept_past(original: Path, keys: list[Key], old: bytes, count: int) -> None:
    signer = log_signers()[0]
    assert accepted(original, keys, old, count, lambda folder, rng: rewritten(folder, rng, signer)) == []
    assert verify(original.with_name("changed"), keys).errors == []  # which is why an old checkpoint is kept elsewhere


@GOOD
def test_good_exports_raise_no_alarm(
    ada: User, bea: User, ops: User, acting: Acting, keys: list[Key], count: int
) -> None:
    rng, kept = forging.chances(2), []
    for _ in range(count):
        write_events([ada, bea], acting, rng, rng.randrange(1, 12))
        if rng.random() < 0.3:
            kept.append(checkpoint())
        filters = rng.choice(
            [
                Filters(),
                Filters(model="clf"),
                Filters(first_seq=rng.randrange(30), last_seq=30 + rng.randrange(30)),
                Filters(actor=rng.choice(["ada", "nobody"])),
                Filters(action=rng.choice(ACTIONS), outcome="denied"),
            ]
        )
        report = verify(export(actor=acting(ops), filters=filters), keys, kept, full=True)
        assert report.errors == [], filters
