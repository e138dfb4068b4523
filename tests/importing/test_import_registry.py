"""Models and versions come with their numbers, texts, aliases and files; stages only when that is asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from accounts.models import User
from audit.models import Event
from audit.queries import actor_name
from config.supervisor.lock import DataLock
from core.actors import system_actor
from registry.models import Alias, ModelVersion, RegisteredModel
from registry.services.models import create_model
from tests.approvals.publishing import publish_policy
from tests.importing.conftest import Bring
from tests.importing.old_database import BEGAN, LOGGED_MODEL, RUN, OldDatabase
from tracking.artifacts import read_artifact
from tracking.models import Artifact, Run, Seal


def stages(name: str = "fraud") -> dict[int, tuple[str, bool]]:
    rows = ModelVersion.objects.filter(model__name=name).order_by("version")
    return {row.version: (row.stage, row.is_current) for row in rows}


def test_versions_keep_their_numbers_and_the_gaps(bring: Bring) -> None:
    bring()
    model = RegisteredModel.objects.get(name="fraud")
    assert (model.description, model.created_ms, model.updated_ms) == ("Finds *fraud*.", BEGAN, BEGAN + 5)
    assert (list(stages()), model.last_version) == ([1, 2, 4, 5], 6)
    first = model.versions.get(version=1)
    assert (first.description, first.created_by, first.created_ms) == ("first", "ada", BEGAN + 1)
    assert dict(first.tags.values_list("key", "value")) == {"by": "hand", "custody.imported_stage": "Archived"}
    assert list(Alias.objects.values_list("name", "version__version")) == [("champion", 4)]


def test_the_files_of_a_version_are_here_and_sealed(bring: Bring, old: OldDatabase) -> None:
    bring()
    experiment = Run.objects.get(pk=RUN).experiment_id
    first = ModelVersion.objects.get(model__name="fraud", version=1)
    assert first.source == f"mlflow-artifacts:/{experiment}/{RUN}/artifacts/classic"
    assert first.artifact_digest == Seal.objects.get(prefix=first.artifact_path).digest
    assert read_artifact(f"{first.artifact_path}/model.bin", 1000) == bytes(range(256))
    second = ModelVersion.objects.get(model__name="fraud", version=2)
    assert (second.logged_model_id, second.run_id) == (LOGGED_MODEL, RUN)
    assert first.card_revisions.count() == 1


def test_a_copy_follows_its_original(bring: Bring) -> None:
    bring()
    copy = ModelVersion.objects.get(model__name="a copy")
    assert str(copy.copied_from) == "fraud v4"
    assert copy.artifact_digest == ModelVersion.objects.get(model__name="fraud", version=4).artifact_digest


def test_without_being_asked_no_version_keeps_its_stage(bring: Bring) -> None:
    printed = bring()
    assert set(stages().values()) == {("None", False)}
    assert "fraud/4 (Production)" in printed
    tags = ModelVersion.objects.filter(tags__key="custody.imported_stage").values_list("version", "tags__value")
    assert dict(tags)[4] == "Production"


def test_a_superuser_lets_versions_keep_their_stages(bring: Bring, ops: User) -> None:
    bring("--keep-stages", "--as", "ops")
    assert stages() == {
        1: ("Archived", False),
        2: ("Production", False),
        4: ("Production", True),
        5: ("Staging", False),
    }
    superseded = ModelVersion.objects.get(model__name="fraud", version=2)
    assert superseded.superseded_by is not None
    assert (superseded.superseded_by.version, superseded.archive_after, superseded.approved_by) == (4, None, "")
    events = Event.objects.filter(action="registry.stage.imported")
    assert {(event.object_ref, actor_name(event)) for event in events} == {
        (f"model-version:fraud/{number}", "ops") for number in (1, 2, 4, 5)
    }
    assert not Event.objects.filter(action="registry.stage.changed").exists()


def test_stages_can_be_kept_as_long_as_nobody_touched_the_model(bring: Bring, ops: User) -> None:
    bring()
    bring("--keep-stages", "--as", "ops")
    assert stages()[4] == ("Production", True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keep-stages"], "--as SUPERUSER"),
        (["--keep-stages", "--as", "ada"], "ada is not a superuser"),
        (["--as", "zoe"], "no active user called zoe"),
        (["--workspace", "a'b"], "not the name of a workspace"),
    ],
)
def test_a_refused_import_changes_nothing(bring: Bring, ada: User, options: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        bring(*options)
    assert not RegisteredModel.objects.exists()
    assert not Run.objects.exists()


def test_two_imports_do_not_run_together(bring: Bring, tmp_path: Path) -> None:
    other = DataLock(tmp_path / "import.lock")
    other.acquire()
    with pytest.raises(CommandError, match=rf"Another import is running \(process {os.getpid()}\)"):
        bring()
    assert not RegisteredModel.objects.exists()
    other.release()
    assert "The import is complete" in bring()


def test_who_imports_manages_the_models(bring: Bring, ada: User, settings: Any) -> None:
    bring("--as", "ada")
    assert RegisteredModel.objects.get(name="fraud").created_by == "ada"
    assert actor_name(Event.objects.get(action="registry.model.imported", object_ref="model:fraud")) == "ada"


def test_a_model_of_ours_is_not_mixed_with_theirs(bring: Bring) -> None:
    mine = create_model(actor=system_actor("test"), name="Fraud", description="mine")
    printed = bring()
    assert "a model of that name exists here" in printed
    assert (mine.versions.count(), RegisteredModel.objects.get(pk=mine.pk).last_version) == (0, 0)


def test_a_version_waits_for_its_files(bring: Bring, old: OldDatabase) -> None:
    place = old.artifacts / f"1/{RUN}/artifacts/classic/model.bin"
    place.unlink()
    place.symlink_to("/etc/hostname")
    printed = bring()
    assert list(stages()) == [2]
    assert not Artifact.objects.filter(path__endswith="model.bin").exists()
    assert "some of its files were not imported" in printed
    place.unlink()
    place.write_bytes(b"back")
    assert "versions: 4 imported" in bring()
    assert list(stages()) == [1, 2, 4, 5]


def test_a_version_comes_without_files_where_that_is_allowed(bring: Bring, old: OldDatabase) -> None:
    old.version("a copy", 2, source=f"mlflow-artifacts:/1/{RUN}/artifacts/never")
    assert "its folder has no files" in bring()
    assert list(stages("a copy")) == [1]
    bring("--allow-missing-files")
    assert ModelVersion.objects.get(model__name="a copy", version=2).artifact_digest == ""


def test_a_source_elsewhere_comes_where_it_is_allowed(bring: Bring, old: OldDatabase, settings: Any) -> None:
    old.version("a copy", 2, source="s3://models/fraud/7", run_id=None)
    assert "its files are at s3:…" in bring()
    settings.ALLOWED_SOURCES = ["s3://models/"]
    bring()
    found = ModelVersion.objects.get(model__name="a copy", version=2)
    assert (found.source, found.artifact_path) == ("s3://models/fraud/7", "")


def test_a_version_whose_run_is_gone_comes_without_it(bring: Bring, old: OldDatabase) -> None:
    old.version("a copy", 2, source=f"mlflow-artifacts:/1/{RUN}/artifacts/classic", run_id="f" * 32)
    assert "its run does not exist here" in bring()
    assert ModelVersion.objects.get(model__name="a copy", version=2).run_id == RUN


def test_files_outside_the_named_folders_are_not_read(bring: Bring, old: OldDatabase, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.pem").write_text("private")
    old.change(f"UPDATE runs SET artifact_uri = 'file://{secret}' WHERE run_uuid = '{RUN}'")  # noqa: S608 - our own words
    bring()
    assert not Artifact.objects.filter(path__endswith="key.pem").exists()


def test_a_prompt_is_left_behind(bring: Bring, old: OldDatabase) -> None:
    old.model("greeting")
    old.add("registered_model_tags", name="greeting", key="mlflow.prompt.is_prompt", value="true")
    old.version("greeting", 1)
    assert "prompts: 1" in bring()
    assert not RegisteredModel.objects.filter(name="greeting").exists()


def test_a_protected_alias_is_reported_and_not_set(bring: Bring) -> None:
    body = {
        "name": "champion",
        "applies_to": {"target": "@champion", "models": "*"},
        "rules": [{"id": "reviewers", "level": "hard", "approvals": {"count": 1, "groups": ["reviewers"]}}],
    }
    publish_policy(body=body)
    printed = bring()
    assert "fraud@champion" in printed
    assert "not approved" in printed or "Nobody has asked" in printed
    assert not Alias.objects.exists()
    assert not Event.objects.filter(action="registry.alias.set", outcome="ok").exists()
