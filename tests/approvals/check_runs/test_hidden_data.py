"""Quarantined data of a hidden experiment stop a version at every door, and only who may see them gets their names.

Ada's laboratory is hidden from cy. It read data that are quarantined, and wrote data that cy's model was trained on.
"""

from __future__ import annotations

import html
import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from approvals import tasks
from approvals.check_runs.visible_facts import counted_evidence
from approvals.models import CheckRun, CheckState, TransitionRequest
from approvals.packs.approval_records import as_json, records_of
from approvals.requests.open import open_request
from approvals.requests.refusals import request_url
from audit.models import Event
from lineage.openlineage.inbox import receive_event
from lineage.quarantine import place_quarantine
from registry.models import ModelVersion
from registry.permissions import Level, grant_level
from registry.services.models import create_model
from registry.services.versions import create_version
from registry.stages import Stage
from tests.approvals.publishing import publish_policy
from tests.conftest import Acting
from tests.lineage.openlineage.events import event, table, version_urn
from tracking.services.experiments import create_experiment
from tracking.services.runs import create_run

SECRET = "zebra"
BAD = version_urn(f"{SECRET}-orders", "v1")
OPEN_BAD = version_urn("common", "v1")
POLICY = {
    "name": "sound",
    "applies_to": {"target": "Staging"},
    "rules": [{"id": "sound", "check": "lineage.not_quarantined"}],
}
MOVE = {"name": "open-model", "version": "1", "stage": "Staging"}


@dataclass(frozen=True)
class World:
    """The request of cy, its failed check, and clients with which cy and ada read it."""

    request: TransitionRequest
    job: CheckRun
    cy: Client
    ada: Client
    script: Client

    @property
    def paths(self) -> list[str]:
        """Return what every reader of the request may ask for."""
        request, job = self.request.pk, self.job.pk
        return [
            request_url(request, ""),
            f"/requests/{request}/live/",
            f"/checks/runs/{job}/",
            f"/checks/runs/{job}/live/",
            "/checks/",
            "/admin/",
            "/models/open-model/",
            "/models/open-model/versions/1/",
            f"/api/v1/transition-requests/{request}",
            "/api/v1/transition-requests",
            f"/api/v1/check-runs/{job}",
            f"/api/v1/check-runs?request={request}",
            "/api/v1/models/open-model/versions/1",
            "/api/2.0/mlflow/transition-requests/list?name=open-model&version=1",
            "/api/2.0/mlflow/model-versions/get?name=open-model&version=1",
            "/api/2.0/mlflow/databricks/registered-models/get?name=open-model",
        ]


@pytest.fixture
def world(ada: User, bea: User, cy: User, ops: User, acting: Acting, settings: Settings) -> World:
    by_ada, by_cy = acting(ada), acting(cy)
    laboratory = create_experiment(actor=by_ada, name=f"{SECRET} laboratory")
    hidden = create_run(actor=by_ada, experiment_id=laboratory.pk, name=f"{SECRET} run")
    wrote = event("COMPLETE", 1, inputs=[table(f"{SECRET}-orders", "v1")], outputs=[table("shared", "v1")])
    receive_event(actor=by_ada, data=wrote | {"run": {"runId": str(uuid.UUID(hidden.pk))}})
    run = create_run(actor=by_cy, experiment_id=create_experiment(actor=by_cy, name="open").pk, name="open run")
    read = event("COMPLETE", 3, inputs=[table("shared", "v1"), table("common", "v1")])
    receive_event(actor=by_cy, data=read | {"run": {"runId": str(uuid.UUID(run.pk))}})
    model = create_model(actor=by_cy, name="open-model")
    create_version(actor=by_cy, name="open-model", source=f"runs:/{run.pk}/model", run_id=run.pk)
    grant_level(user=ada, model=model, level=Level.EDIT)
    publish_policy(body=POLICY)
    settings.DEFAULT_EXPERIMENT_LEVEL = "none"
    for urn in (BAD, OPEN_BAD):
        place_quarantine(actor=acting(ops), urn=urn, reason="It was measured wrongly.")
    request = open_request(actor=by_cy, name="open-model", version=1, target=Stage.STAGING, archive_existing=False)
    job = CheckRun.objects.get(request=request)
    tasks.run_check(job.pk)
    job.refresh_from_db()
    assert job.state == CheckState.FAILED
    of_cy, of_ada = Client(), Client()
    of_cy.force_login(cy)
    of_ada.force_login(ada)
    script = Client(
        headers={"Authorization": f"Bearer {issue_token(actor=by_cy, user=cy, expires_in=timedelta(hours=1))[1]}"}
    )
    return World(request, job, of_cy, of_ada, script)


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code, answer.content[:300])
    return html.unescape(answer.content.decode())


def test_the_stored_evidence_names_the_data_and_the_summary_does_not(world: World) -> None:
    assert world.job.evidence == {"quarantined": sorted([BAD, OPEN_BAD]), "complete": True}
    assert world.job.summary == "It descends from quarantined data. The evidence names 2 dataset versions."
    assert SECRET not in world.job.log


def test_no_answer_names_hidden_data(world: World) -> None:
    for client in (world.cy, world.script):
        answers = {path: text_of(client, path) for path in world.paths if client is world.cy or "/api/" in path}
        assert [path for path, text in answers.items() if SECRET in text] == []
    assert "quarantined data" in text_of(world.cy, f"/api/v1/transition-requests/{world.request.pk}")


def test_the_reader_gets_what_they_may_see_and_the_number_of_the_rest(world: World) -> None:
    evidence = world.cy.get(f"/api/v1/check-runs/{world.job.pk}").json()["evidence"]
    assert evidence == {"quarantined": [OPEN_BAD], "complete": True, "hidden_from_you": 1}
    (check,) = world.cy.get(f"/api/v1/transition-requests/{world.request.pk}").json()["checks"]
    assert check["evidence"] == evidence
    (listed,) = world.cy.get(f"/api/v1/check-runs?request={world.request.pk}").json()["check_runs"]
    assert listed["evidence"] == evidence
    for path in (request_url(world.request.pk, ""), f"/checks/runs/{world.job.pk}/"):
        page = text_of(world.cy, path)
        assert (OPEN_BAD in page, "hidden from you" in page.lower()) == (True, True), path


def test_who_may_see_the_data_gets_their_names(world: World) -> None:
    evidence = world.ada.get(f"/api/v1/check-runs/{world.job.pk}").json()["evidence"]
    assert evidence == world.job.evidence
    for path in (request_url(world.request.pk, ""), f"/checks/runs/{world.job.pk}/"):
        assert BAD in text_of(world.ada, path), path


@pytest.mark.parametrize("prefix", ["/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/2.0/mlflow/databricks"])
def test_refusals_of_clients_name_no_hidden_data(world: World, prefix: str) -> None:
    more = {"archive_existing_versions": False} if "databricks" in prefix else {}
    answer = world.script.post(
        f"{prefix}/model-versions/transition-stage", MOVE | more, content_type="application/json"
    )
    text = answer.content.decode()
    assert (answer.status_code in (400, 403, 409), "quarantined data" in text, SECRET in text) == (True, True, False), (
        text
    )
    assert ModelVersion.objects.get(version=1).stage == Stage.NONE


def test_actions_on_a_check_answer_without_hidden_names(world: World) -> None:
    again = world.cy.post(f"/api/v1/check-runs/{world.job.pk}/rerun", {}, content_type="application/json")
    assert (again.status_code, SECRET in again.content.decode()) == (200, False)
    cancelled = world.cy.post(f"/api/v1/check-runs/{world.job.pk}/cancel", {}, content_type="application/json")
    assert (cancelled.status_code, SECRET in cancelled.content.decode()) == (200, False)


def test_a_trial_of_a_policy_names_no_hidden_data(world: World) -> None:
    body = {"policy": POLICY, "model": "open-model", "version": 1}
    answer = world.cy.post("/api/v1/policies/dry-run", body, content_type="application/json")
    assert (answer.status_code, SECRET in answer.content.decode()) == (200, False)
    assert "quarantined data" in answer.content.decode()


def test_events_and_messages_name_no_hidden_data(world: World) -> None:
    about = Event.objects.filter(action="approvals.check.finished").values_list("body", flat=True)
    texts = [bytes(body).decode() for body in about]
    assert texts
    assert not [text for text in texts if SECRET in text]
    assert not [message.body for message in mail.outbox if SECRET in message.body]


def test_records_for_packs_and_cards_have_the_number(world: World) -> None:
    (record,) = records_of([world.request])
    assert record.checks[0].evidence == {"quarantined": 2, "complete": True}
    assert SECRET not in json.dumps(as_json(record), default=str)


def test_evidence_of_other_checks_is_whole(world: World) -> None:
    evidence = {"quarantined": [BAD]}
    assert counted_evidence("external", evidence) is evidence
    assert counted_evidence("lineage.not_quarantined", None) is None


def test_a_list_costs_a_fixed_number_of_queries(world: World, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(30):
        world.cy.get("/api/v1/check-runs")
