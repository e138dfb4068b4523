"""Importing again changes nothing; counting changes nothing; what is new comes."""

from __future__ import annotations

import json
from pathlib import Path

from django.apps import apps

from core.actors import system_actor
from importing.models import Item, Origin
from registry.models import ModelVersion
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.importing.conftest import Bring
from tests.importing.old_database import RUN, OldDatabase
from tracking.models import Metric, Run


def everything() -> dict[str, int]:
    """Return how many rows each table has."""
    labels = ("audit", "importing", "lineage", "registry", "tracking")
    return {
        model.__name__: model._default_manager.count()
        for label in labels
        for model in apps.get_app_config(label).get_models()
    }


def test_a_second_import_changes_nothing(bring: Bring) -> None:
    bring()
    before = everything()
    printed = bring()
    assert everything() == before
    assert "versions: 0 imported, 5 existed already" in printed


def test_counting_changes_nothing(bring: Bring) -> None:
    before = everything()
    printed = bring("--dry-run")
    assert "3 experiments, 2 runs, 1 logged models, 0 traces, 2 registered models with 5 versions" in printed
    assert everything() == before


def test_what_is_new_comes_with_the_next_import(bring: Bring, old: OldDatabase) -> None:
    bring()
    old.run("c" * 32)
    old.metric("loss", 0.5, 0, run_id="c" * 32)
    old.version("fraud", 7)
    bring()
    assert Metric.objects.filter(run="c" * 32).count() == 1
    assert ModelVersion.objects.filter(model__name="fraud", version=7).exists()


def test_a_half_imported_run_is_completed(bring: Bring) -> None:
    bring()
    Item.objects.filter(kind__in=["history", "files"], source_id=RUN).delete()
    Metric.objects.filter(run=RUN, key="loss", step__gt=0).delete()
    before = everything()
    bring()
    assert Metric.objects.filter(run=RUN).count() == 5
    assert everything()["Artifact"] == before["Artifact"]


def test_what_happened_here_since_stays(bring: Bring) -> None:
    bring()
    version = ModelVersion.objects.select_related("model").get(model__name="fraud", version=5)
    change_stage(actor=system_actor("test"), version=version, target=Stage.ARCHIVED, archive_existing=False, reason="")
    Run.objects.filter(pk=RUN).update(name="renamed here")
    bring()
    assert ModelVersion.objects.get(pk=version.pk).stage == "Archived"
    assert Run.objects.get(pk=RUN).name == "renamed here"


def test_the_report_is_written_as_json(bring: Bring, tmp_path: Path) -> None:
    bring("--report", str(tmp_path / "report.json"))
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (report["imported"]["runs"], report["imported"]["versions"]) == (2, 5)
    assert {problem["kind"] for problem in report["problems"]} == {"stages"}
    assert Origin.objects.get().last_finished_at is not None
