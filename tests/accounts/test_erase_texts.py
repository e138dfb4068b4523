"""What a person wrote, and the addresses they came from, from the first event to a database without them."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.administration import deactivate_user
from accounts.erasure.service import erase_person, erasure_of
from accounts.models import User
from audit.exports.files import file_of
from audit.exports.jobs import build_export, start_export
from audit.exports.selection import Filters
from audit.models import Event
from audit.transparency.keys import log_signers
from audit.transparency.sequencer import Sequencer
from audit.transparency.state import published
from core.actors import Actor
from core.errors import Conflict
from registry.services.aliases import set_alias
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.conftest import Acting

ADDRESS, WORDS, FAILED_FROM = "203.0.113.77", "Grace asked me to, on 0171 555", "203.0.113.78"
SECRETS = (ADDRESS, WORDS, FAILED_FROM)


def dump() -> bytes:
    """Return all rows of all tables as text, as a dump has them."""
    parts: list[bytes] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - names of our own tables
            for row in cursor.fetchall():
                parts += [
                    bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode() for value in row
                ]
    return b"\n".join(parts)


def export(actor: Actor) -> Path:
    job = start_export(actor=actor, filters=Filters())
    assert build_export(job.pk)
    job.refresh_from_db()
    return file_of(job)


def files_of(path: Path) -> bytes:
    """Return the files of an export, without the verifier."""
    with zipfile.ZipFile(path) as package:
        return b"".join(package.read(name) for name in package.namelist() if not name.endswith((".py", ".txt")))


def verified(path: Path, folder: Path, kept: bytes) -> dict[str, Any]:
    """Verify with the verifier of the export itself, as an auditor does, and return its report."""
    with zipfile.ZipFile(path) as package:
        package.extract("audit_verify.py", folder)
    (folder / "old").write_bytes(kept)
    vkeys = [option for signer in log_signers() for option in ("--vkey", signer.vkey)]
    command = [
        sys.executable,
        "-I",
        "-S",
        "audit_verify.py",
        str(path),
        *vkeys,
        "--checkpoint",
        "old",
        "--full",
        "--json",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60)
    report: dict[str, Any] = json.loads(done.stdout)
    return report | {"status": done.returncode}


@pytest.fixture
def history(ada: User, ops: User, acting: Acting, client: Client, settings: Settings) -> Actor:
    """Let ada sign in, fail to, and say why she moved an alias; return ops."""
    settings.ALLOWED_SOURCES = ["s3://elsewhere"]
    page = "/admin/login/"
    client.post(page, {"username": "ada", "password": "wrong-password-1"}, REMOTE_ADDR=FAILED_FROM)
    client.post(page, {"username": "ada", "password": "ada-password-1"}, REMOTE_ADDR=ADDRESS)
    create_model(actor=acting(ada), name="fraud")
    create_version(actor=acting(ada), name="fraud", source="s3://elsewhere/model")
    set_alias(actor=acting(ada), name="fraud", alias="blue", version=1, reason=WORDS)
    return acting(ops)


def test_the_pages_the_api_and_an_export_show_the_texts(
    history: Actor, ops: User, client: Client, tmp_path: Path
) -> None:
    client.force_login(ops)
    listed = client.get("/api/v1/audit/events", {"model": "fraud"}).json()
    assert WORDS in json.dumps(listed)
    assert WORDS in client.get("/audit/").content.decode()
    event = Event.objects.get(action="registry.alias.set")
    assert WORDS in client.get(f"/audit/events/{event.event_id}/").content.decode()
    signed_in = Event.objects.filter(action="account.signed_in").order_by("pk")[0]
    assert ADDRESS in client.get(f"/audit/events/{signed_in.event_id}/").content.decode()
    assert all(text.encode() in files_of(export(history)) for text in SECRETS)
    assert not any(text.encode() in b"".join(bytes(each.body) for each in Event.objects.all()) for text in SECRETS)


def test_after_the_erasure_nothing_gives_them(history: Actor, settings: Settings, tmp_path: Path) -> None:
    assert all(text.encode() in dump() for text in SECRETS)
    Sequencer().run_once()
    kept = (published(log_signers()[0].name).folder / "checkpoint").read_bytes()
    bodies = {event.pk: bytes(event.body) for event in Event.objects.all()}
    deactivate_user(actor=history, username="ada")
    settings.LEGAL_HOLD = True
    with pytest.raises(Conflict, match="legal hold"):
        erase_person(actor=history, username="ada", reason="Asked for.")
    assert all(text.encode() in dump() for text in SECRETS)
    settings.LEGAL_HOLD = False
    planned = erasure_of(actor=history, username="ada")
    assert erase_person(actor=history, username="ada", reason="Asked for.") == planned
    erased = dict(planned.rows)["reasons, comments, descriptions and addresses in the audit log"]
    assert erased >= len(SECRETS)
    stored, path = dump(), export(history)
    assert {text: text.encode() in stored or text.encode() in files_of(path) for text in SECRETS} == dict.fromkeys(
        SECRETS, False
    )
    assert {event.pk: bytes(event.body) for event in Event.objects.filter(pk__in=bodies)} == bodies
    report = verified(path, tmp_path, kept)
    assert (report["status"], report["result"], report["errors"]) == (0, "ok", [])
    assert report["texts"]["erased"] == erased
