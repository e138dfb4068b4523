"""Witnesses that hold no tree of their own: a locked bucket, a time stamping authority, a receiver of checkpoints."""

from __future__ import annotations

import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from audit.exports.selection import Filters
from audit.models import WitnessState
from audit.queries import current_log
from audit.transparency.keys import log_signers
from audit.transparency.notes import checkpoint_text, sign_note
from audit.transparency.state import published
from audit.verifier.audit_verify import cosigned_at, open_checkpoint, verify
from audit.witnesses import buckets
from audit.witnesses.cosignatures import Cosigner
from audit.witnesses.server import WitnessStore, serve
from audit.witnesses.service import ask_witnesses, witnessed_note, witnessing
from tests.audit.conftest import export
from tests.audit.witnesses.test_witnesses import Grow, address, cosigner, grow, store
from tests.audit.witnesses.timestamping import Authority, handler, receiver, running
from tests.conftest import Acting
from tests.s3_server import S3Server

__all__ = ["address", "grow", "store"]


def later() -> None:
    """Let the pause between two checkpoints be over."""
    WitnessState.objects.update(kept_at=timezone.now() - timedelta(minutes=5))


@pytest.fixture
def locked(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of an empty bucket with object lock."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    buckets._client.cache_clear()
    name = f"{s3_server.new_bucket()}-locked"
    s3_server.client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def objects(server: S3Server, bucket: str) -> list[Any]:
    return list(server.client.list_objects_v2(Bucket=bucket).get("Contents", ()))


@pytest.mark.s3
def test_a_bucket_keeps_checkpoints_under_lock(
    grow: Grow, s3_server: S3Server, locked: str, settings: Settings
) -> None:
    settings.WITNESSES, settings.WITNESS_QUORUM = [f"s3://{locked}/audit?days=30"], 1
    for more in (2, 9):
        grow(more)
        assert ask_witnesses() == 1
        later()
    kept = objects(s3_server, locked)
    notes = [s3_server.client.get_object(Bucket=locked, Key=item["Key"]) for item in kept]
    keys = [signer.key for signer in log_signers()]
    assert [open_checkpoint(note["Body"].read(), keys).size for note in notes] == [11, 2]  # the newest comes first
    for note in notes:
        assert note["ObjectLockMode"] == "COMPLIANCE"
        assert timedelta(days=29) < note["ObjectLockRetainUntilDate"] - timezone.now() <= timedelta(days=30)
    assert witnessing(current_log()).size == 11


@pytest.mark.s3
def test_a_bucket_that_holds_more_contradicts(grow: Grow, locked: str, settings: Settings) -> None:
    settings.WITNESSES = [f"s3://{locked}"]
    grow(2)
    signer = log_signers()[0]
    note = sign_note(checkpoint_text(signer.name, 9, bytes(32)), [signer])
    witness = buckets.BucketWitness("bucket", locked, "", 1)
    witness._put(witness._folder(signer.name), open_checkpoint(note, [signer.key]))
    assert ask_witnesses() == 0
    state = WitnessState.objects.get()
    assert state.contradicts
    assert "has 9 events, and this log only 2" in state.problem


@pytest.mark.s3
def test_a_bucket_without_a_lock_is_no_witness(
    grow: Grow, s3_server: S3Server, locked: str, settings: Settings
) -> None:
    bucket = locked.removesuffix("-locked")
    settings.WITNESSES = [f"s3://{bucket}"]
    grow(1)
    assert ask_witnesses() == 0
    assert "ObjectLockConfiguration" in WitnessState.objects.get().problem
    assert objects(s3_server, bucket) == []


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "authority")


def test_an_authority_stamps_the_checkpoint_and_the_export_holds_the_stamp(
    grow: Grow, authority: Authority, ops: User, acting: Acting, settings: Settings
) -> None:
    grow(3)
    with receiver(handler("application/timestamp-reply", 200, authority.answer)) as where:
        settings.WITNESSES = [f"tsa+http://{where}/tsr#{authority.roots}"]
        assert ask_witnesses() == 1
        assert ask_witnesses() == 0  # not again before the pause is over
    folder = published(log_signers()[0].name).folder / "timestamps"
    data, stamp = folder / f"{3:019d}.txt", folder / f"{3:019d}.tsr"
    assert open_checkpoint(data.read_bytes(), [signer.key for signer in log_signers()]).size == 3
    assert authority.verifies(data, stamp)
    path = export(actor=acting(ops), filters=Filters())
    report = verify(path, [signer.key for signer in log_signers()])
    assert report.errors == []
    with zipfile.ZipFile(path) as package:
        assert package.read("timestamp.tsr") == stamp.read_bytes()
        assert orjson.loads(package.read("manifest.json"))["files"]["timestamp.tsr"]["bytes"] == stamp.stat().st_size


@pytest.mark.parametrize("fault", ["other authority", "other message", "refused", "no stamp"])
def test_a_stamp_that_is_not_valid_is_not_kept(
    grow: Grow, authority: Authority, tmp_path: Path, settings: Settings, fault: str
) -> None:
    grow(1)
    old = authority.answer(_query_of(authority, b"something else"))
    answer, status, roots = {
        "other authority": (authority.answer, 200, Authority(tmp_path / "other").roots),
        "other message": (lambda _query: old, 200, authority.roots),
        "refused": (authority.answer, 500, authority.roots),
        "no stamp": (lambda _query: b"no stamp", 200, authority.roots),
    }[fault]
    with receiver(handler("application/timestamp-reply", status, answer)) as where:
        settings.WITNESSES = [f"tsa+http://{where}/#{roots}"]
        assert ask_witnesses() == 0
    assert WitnessState.objects.get().problem != ""
    assert not (published(log_signers()[0].name).folder / "timestamps").exists()


def _query_of(authority: Authority, data: bytes) -> bytes:
    (authority.folder / "data").write_bytes(data)
    authority._openssl("ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "other")
    return (authority.folder / "other").read_bytes()


def test_a_receiver_is_sent_the_signed_checkpoint(grow: Grow, settings: Settings) -> None:
    taken: list[dict[str, Any]] = []

    def take(body: bytes) -> bytes:
        taken.append(orjson.loads(body))
        return b"ok"

    grow(2)
    with receiver(handler("text/plain", 200, take)) as where:
        settings.WITNESSES, settings.WITNESS_QUORUM = [f"hook+http://{where}/kept"], 1
        assert ask_witnesses() == 1
    checkpoint = open_checkpoint(taken[0]["note"].encode(), [signer.key for signer in log_signers()])
    assert (taken[0]["origin"], taken[0]["size"], checkpoint.size) == (checkpoint.origin, 2, 2)
    assert witnessing(current_log()).problem == ""


def test_a_receiver_that_refuses_has_not_taken_it(grow: Grow, settings: Settings) -> None:
    grow(1)
    with receiver(handler("text/plain", 503, lambda _body: b"full")) as where:
        settings.WITNESSES = [f"hook+http://{where}/"]
        assert ask_witnesses() == 0
    assert "answers 503: full" in WitnessState.objects.get().problem


def test_cosignatures_of_earlier_rounds_stay(grow: Grow, address: str, tmp_path: Path, settings: Settings) -> None:
    """A second witness takes the checkpoint later: the file holds both signatures."""
    grow(2)
    settings.WITNESSES = [address]
    assert ask_witnesses() == 1
    second = Cosigner("witness.example/two", bytes(range(1, 33)))
    keys = [signer.key for signer in log_signers()]
    server = serve(WitnessStore(tmp_path / "two", second, keys), "127.0.0.1", 0)
    with running(server) as where:
        settings.WITNESSES = [address, f"http://{where}#{second.vkey}"]
        assert ask_witnesses() == 1
    note = witnessed_note(log_signers()[0].name)
    assert all(cosigned_at(note, one.key) > 0 for one in (cosigner(), second))
