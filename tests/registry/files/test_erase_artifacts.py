"""The files of deleted versions are erased: only those, with an event, and every digest stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from audit.management.commands import audit_new_log
from audit.models import Event
from audit.queries import facts
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput
from registry.models import ModelVersion, RegisteredModel
from registry.services.erasing import Erased, erase_artifacts
from registry.services.models import create_model, delete_model
from registry.services.versions import create_version, delete_version
from tests.conftest import Acting
from tests.registry.conftest import ROOT, NewVersion
from tracking.artifacts import sealed_files
from tracking.models import Artifact, Seal
from tracking.services.pruning import prune_artifacts
from tracking.store import current_store

MONTH = timedelta(days=30)
NOTHING = Erased(0, 0, 0)


@pytest.fixture
def by_ops(ops: User, acting: Acting) -> Actor:
    return acting(ops)


@pytest.fixture
def deleted(new_version: NewVersion, by_ada: Actor) -> ModelVersion:
    """Version 1 of `fraud`, which was deleted 40 days ago."""
    version = new_version()
    with time_machine.travel(timezone.now() - timedelta(days=40), tick=False):
        delete_version(actor=by_ada, name="fraud", version=1)
    version.refresh_from_db()
    return version


def erase(actor: Actor, **more: object) -> Erased:
    return erase_artifacts(actor=actor, **{"reason": "Asked for.", "deleted_for": MONTH, **more})  # type: ignore[arg-type]  # a test's own


def erasures() -> list[Event]:
    return list(Event.objects.filter(action="registry.files.erased"))


def test_files_go_and_the_digest_stays(deleted: ModelVersion, by_ops: Actor) -> None:
    prefix, files = deleted.artifact_path, sealed_files(deleted.artifact_path)
    count = Artifact.objects.filter(path__startswith=f"{prefix}/").count()
    assert count

    assert erase(by_ops, dry_run=True).files == count
    assert erasures() == []
    assert erase(by_ops).files == count
    assert erase(by_ops) == NOTHING

    assert not Artifact.objects.filter(path__startswith=f"{prefix}/").exists()
    assert (Seal.objects.get(prefix=prefix).digest, sealed_files(prefix)) == (deleted.artifact_digest, files)
    [event] = erasures()
    assert (event.object_ref, event.stream) == ("model-version:fraud/1", deleted.event_object.stream)
    assert facts(event)["after"]["digest"] == deleted.artifact_digest
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        prune_artifacts(actor=by_ops, grace=timedelta(days=1))
    assert not any(blob for blob in current_store().older_than(timezone.now()) if blob.sha256 in {f[1] for f in files})


def test_no_file_takes_the_place_of_erased_ones(deleted: ModelVersion, by_ops: Actor, by_ada: Actor) -> None:
    erase(by_ops)
    with pytest.raises(Conflict):
        create_version(actor=by_ada, name="fraud", source=deleted.source, run_id=deleted.run_id)


def test_a_live_version_holds_its_folder(deleted: ModelVersion, by_ops: Actor, by_ada: Actor) -> None:
    create_model(actor=by_ada, name="other")
    create_version(actor=by_ada, name="other", source=deleted.source, run_id=deleted.run_id)
    assert erase(by_ops) == NOTHING
    assert (Artifact.objects.filter(path__startswith=ROOT).exists(), erasures()) == (True, [])


def test_a_version_that_was_deleted_lately_holds_its_folder(
    deleted: ModelVersion, by_ops: Actor, by_ada: Actor
) -> None:
    create_model(actor=by_ada, name="other")
    create_version(actor=by_ada, name="other", source=deleted.source, run_id=deleted.run_id)
    delete_model(actor=by_ada, name="other")
    assert erase(by_ops) == NOTHING
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=False):
        assert erase(by_ops).folders == 1
    assert sorted(event.object_ref for event in erasures()) == ["model-version:fraud/1", "model-version:other/1"]


def test_only_the_named_model(deleted: ModelVersion, by_ops: Actor) -> None:
    assert erase(by_ops, model="other") == NOTHING
    assert erase(by_ops, model="fraud").folders == 1


def test_what_is_refused_changes_nothing(
    deleted: ModelVersion, by_ops: Actor, by_ada: Actor, settings: Settings
) -> None:
    for actor, more, error in (
        (by_ada, {}, Denied),
        (by_ops, {"reason": " "}, InvalidInput),
        (by_ops, {"deleted_for": timedelta(hours=1)}, InvalidInput),
    ):
        with pytest.raises(error):
            erase(actor, **more)
    settings.LEGAL_HOLD = True
    with pytest.raises(Conflict):
        erase(by_ops)
    assert (Seal.objects.filter(erased_at__isnull=False).exists(), erasures()) == (False, [])


def test_the_command(deleted: ModelVersion, ops: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_new_log, "getpass", lambda _prompt: "wrong")
    asked = ["erase_artifacts", "--as", "ops", "--reason", "Asked for."]
    with pytest.raises(CommandError):
        call_command(*asked)
    monkeypatch.setattr(audit_new_log, "getpass", lambda _prompt: "ops-password-1")
    call_command(*asked)
    assert len(erasures()) == 1


def test_a_live_model_is_no_target(new_version: NewVersion, fraud: RegisteredModel, by_ops: Actor) -> None:
    new_version()
    assert erase(by_ops) == NOTHING
