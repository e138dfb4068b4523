"""Edges suggested from the files that a run lists as tracked by DVC, and from the source of a version."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from core.actors import Actor
from lineage.models import Edge, Node, Relation
from lineage.queries import find_node
from lineage.suggestions.decide import confirm_suggestion
from lineage.suggestions.derive import open_suggestions
from lineage.suggestions.generate import derive_changed
from lineage.suggestions.methods import Method, Suggestion
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.conftest import Acting
from tests.lineage.facts import record_consumed
from tracking.models import Run
from tracking.services.experiments import create_experiment
from tracking.services.logging import set_tag
from tracking.services.runs import create_run

MD5 = "0123456789abcdef0123456789abcdef"
FILES = json.dumps([{"path": "data/rows.csv", "md5": MD5}])


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def run(by_ada: Actor) -> Run:
    experiment = create_experiment(actor=by_ada, name="churn")
    return create_run(actor=by_ada, experiment_id=experiment.pk)


def derived(actor: Actor, method: Method) -> list[Suggestion]:
    derive_changed(now=timezone.now() + timedelta(minutes=2))
    return [row for row in open_suggestions(actor, list(Node.objects.all())) if row.method is method]


def version_with_md5(actor: Actor) -> Node:
    return record_consumed(actor=actor, run_id="other", dataset="rows", version="v1", digest=MD5)


@pytest.mark.parametrize("order", ["data first", "tag first", "tag after a round"])
def test_a_dvc_file_is_the_version_with_its_md5(order: str, by_ada: Actor, run: Run) -> None:
    if order != "tag first":
        version_with_md5(by_ada)
    if order == "tag after a round":
        assert derived(by_ada, Method.DVC_FILE) == []
    set_tag(actor=by_ada, run_id=run.pk, key="mlflow.source.git.commit", value="c0ffee1")
    set_tag(actor=by_ada, run_id=run.pk, key="custody.dvc", value=FILES)
    if order == "tag first":
        assert derived(by_ada, Method.DVC_FILE) == []
        version_with_md5(by_ada)
    (one,) = derived(by_ada, Method.DVC_FILE)
    assert (one.src.name, one.dst.urn, one.relation, one.confidence) == (
        "rows",
        f"run:{run.pk}",
        Relation.CONSUMED,
        0.98,
    )
    assert "data/rows.csv" in one.evidence
    assert "at commit c0ffee1" in one.evidence


def test_a_tag_without_the_file_ends_the_suggestion(by_ada: Actor, run: Run) -> None:
    version_with_md5(by_ada)
    set_tag(actor=by_ada, run_id=run.pk, key="custody.dvc", value=FILES)
    assert len(derived(by_ada, Method.DVC_FILE)) == 1
    set_tag(actor=by_ada, run_id=run.pk, key="custody.dvc", value="[]")
    assert derived(by_ada, Method.DVC_FILE) == []


def test_a_source_with_the_id_of_a_run_is_suggested(by_ada: Actor, run: Run, settings: Any) -> None:
    settings.ALLOWED_SOURCES = ["s3://old-server/"]
    create_model(actor=by_ada, name="churn")
    create_version(actor=by_ada, name="churn", source=f"s3://old-server/1/{run.pk}/artifacts/model")
    (one,) = derived(by_ada, Method.NAMED_SOURCE)
    assert (one.src.urn, one.dst.urn, one.relation) == (f"run:{run.pk}", "model-version:churn/1", Relation.PRODUCED)
    assert not Edge.objects.filter(dst=one.dst, rel=Relation.PRODUCED).exists()
    confirm_suggestion(
        actor=by_ada, src_urn=one.src.urn, dst_urn=one.dst.urn, method=one.method, reason="copied from the old server"
    )
    assert Edge.objects.filter(src=find_node(one.src.urn), dst=one.dst, rel=Relation.PRODUCED).exists()
    assert derived(by_ada, Method.NAMED_SOURCE) == []


def test_a_version_of_a_run_needs_no_suggestion(by_ada: Actor, run: Run, settings: Any) -> None:
    settings.ALLOWED_SOURCES = ["s3://old-server/"]
    create_model(actor=by_ada, name="churn")
    create_version(actor=by_ada, name="churn", source=f"s3://old-server/1/{run.pk}/artifacts/model", run_id=run.pk)
    assert derived(by_ada, Method.NAMED_SOURCE) == []
