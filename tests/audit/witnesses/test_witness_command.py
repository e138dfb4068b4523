"""`manage.py audit_witness` as a second team runs it: one command, no database, a folder that outlives the process."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from audit.actions import Action
from audit.exports.selection import Filters
from audit.models import WitnessState
from audit.services import record
from audit.transparency.keys import log_signers
from audit.transparency.sequencer import Sequencer
from audit.transparency.state import published
from audit.verifier.audit_verify import main
from audit.witnesses.service import ask_witnesses
from tests.audit.conftest import export
from tests.conftest import Acting

pytestmark = pytest.mark.process


@contextmanager
def witness(folder: Path) -> Iterator[str]:
    """Run the command, and yield the setting that it prints."""
    command = [sys.executable, str(project.BASE_DIR / "manage.py"), "audit_witness", "--name", "audit.example/second"]
    command += [option for signer in log_signers() for option in ("--log", signer.vkey)]
    command += ["--state", str(folder), "--port", "0"]
    # Nothing of this installation: neither its database nor its folder.
    environment = {"PATH": os.environ["PATH"], "CUSTODY_DATA": str(folder / "unused")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        try:
            assert line.startswith("CUSTODY_WITNESSES=")
            yield line.partition("=")[2]
        finally:
            process.terminate()
            process.wait(60)


def test_a_second_team_is_a_witness_with_one_command(
    ada: User, ops: User, acting: Acting, tmp_path: Path, settings: Settings
) -> None:
    folder, keys = tmp_path / "witness", set()
    for _ in range(2):  # it is stopped and started again
        with witness(folder) as address:
            settings.WITNESSES = [address]
            record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:1")
            Sequencer().run_once()
            assert ask_witnesses() == 1
            keys.add(address.partition("#")[2])
    assert len(keys) == 1
    assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600
    path = export(actor=acting(ops), filters=Filters())
    vkeys = [option for signer in log_signers() for option in ("--vkey", signer.vkey)]
    assert main([str(path), *vkeys, "--witness", *keys]) == 0


def test_it_refuses_another_tree_after_it_was_started_again(
    ada: User, acting: Acting, tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "witness"
    checkpoint = published(log_signers()[0].name).folder / "checkpoint"
    record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:1")
    Sequencer().run_once()
    older = checkpoint.read_bytes()
    record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:2")
    Sequencer().run_once()
    with witness(folder) as address:
        settings.WITNESSES = [address]
        assert ask_witnesses() == 1
    checkpoint.write_bytes(older)  # the log was set back
    with witness(folder) as address:
        settings.WITNESSES = [address]
        assert ask_witnesses() == 0
        assert WitnessState.objects.get(address=address).contradicts


def refused(folder: Path, vkey: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command("audit_witness", "--log", vkey, "--state", str(folder), "--name", "audit.example/witness")
    return str(error.value)


def test_a_key_of_a_log_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "witness", "nothing") == "'nothing' is no Ed25519 key of a log"
    assert not (tmp_path / "witness").exists()


def test_a_key_of_the_witness_that_is_too_short_is_left_as_it_is(tmp_path: Path, db: None) -> None:
    (tmp_path / "key").write_bytes(b"short")
    assert refused(tmp_path, log_signers()[0].vkey) == f"{tmp_path / 'key'} is no key of 32 bytes"
    assert (tmp_path / "key").read_bytes() == b"short"
