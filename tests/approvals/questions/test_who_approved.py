"""Who approved a version, on which evidence: read from the events."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from approvals.questions.approvals_of_version import who_approved
from core.actors import Actor
from core.errors import NotFound
from registry.models import ModelVersion, RegisteredModel
from registry.services.models import delete_model, rename_model
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import promote, publish


def test_the_answer_has_reviews_moves_and_their_evidence(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, by_cy: Actor
) -> None:
    publish()
    request = promote(by_ada, by_bea, new_version())
    promote(by_ada, by_bea, new_version())

    answer = who_approved(by_cy, model="fraud", version=1)

    rows = {row["kind"]: row for row in answer.rows}
    assert (rows["review"]["who"], rows["review"]["decision"]) == ("bea", "approve")
    assert f"subject sha256:{request.subject_digest}" in rows["review"]["evidence"]
    assert "reviewers: passed" in rows["request approved"]["evidence"]
    assert {row["request"] for row in answer.rows if row["request"]} == {str(request.pk)}
    assert any(row["decision"] == "Production, approved by bea" for row in answer.rows)


def test_it_costs_the_same_for_more_requests(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish()
    version = new_version()

    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            who_approved(by_ada, model="fraud", version=1)
        return len(made)

    promote(by_ada, by_bea, version)
    before = queries()
    promote(by_ada, by_bea, new_version())
    promote(by_ada, by_bea, _reread(version))
    assert queries() == before


def test_an_auditor_reads_a_model_that_is_renamed_or_deleted(
    new_version: NewVersion, by_ada: Actor, auditor: Actor
) -> None:
    version = new_version()
    change_stage(actor=by_ada, version=version, target=Stage.STAGING, archive_existing=False, reason="")
    rename_model(actor=by_ada, name="fraud", new_name="scam")
    assert who_approved(auditor, model="fraud", version=1).rows
    with pytest.raises(NotFound):
        who_approved(by_ada, model="fraud", version=1)

    change_stage(actor=by_ada, version=_reread(version), target=Stage.ARCHIVED, archive_existing=False, reason="")
    delete_model(actor=by_ada, name="scam")
    assert not RegisteredModel.objects.filter(deleted_at__isnull=True).exists()
    assert who_approved(auditor, model="scam", version=1).rows


def test_a_hidden_model_is_not_found(new_version: NewVersion, by_cy: Actor, settings: Settings) -> None:
    new_version()
    settings.DEFAULT_MODEL_LEVEL = ""
    with pytest.raises(NotFound):
        who_approved(by_cy, model="fraud", version=1)


def _reread(version: ModelVersion) -> ModelVersion:
    return ModelVersion.objects.select_related("model").get(pk=version.pk)
