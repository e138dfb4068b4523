"""Which transitions exist is policy, asked at every door, and drawn."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from approvals.case.rollback_candidates import rollback_candidates
from approvals.models import TransitionRequest
from approvals.requests.break_glass import break_glass
from approvals.requests.transition import request_transition
from core.actors import Actor
from core.errors import Denied, InvalidInput
from policies.parsing import parse_policy
from registry.models import ModelVersion
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import ask, promote, publish, stage_of
from tests.approvals.publishing import publish_policy

ALLOWED = {
    "None": ["Staging", "Archived"],
    "Staging": ["Production", "None", "Archived"],
    "Production": ["Archived"],
    "Archived": [],
}
BODY: dict[str, Any] = {
    "name": "lifecycle",
    "applies_to": {"target": "transitions", "models": "fraud*"},
    "rules": [{"id": "edges", "transitions": ALLOWED}],
}


@pytest.mark.parametrize("door", ["mlflow", "databricks", "request", "console", "registry", "break_glass"])
def test_no_door_skips_staging(new_version: NewVersion, by_ada: Actor, ada: User, client: Client, door: str) -> None:
    version = new_version()
    publish(break_glass={"groups": ["reviewers"], "second_person": False, "post_review_within": "48h"})
    publish_policy(body=BODY)
    secret = issue_token(actor=by_ada, user=ada, expires_in=timedelta(hours=1))[1]
    client.force_login(ada)
    if door in ("mlflow", "databricks"):
        middle = "databricks/" if door == "databricks" else ""
        fields = {"name": "fraud", "version": "1", "stage": "Production"}
        answer = client.post(
            f"/api/2.0/mlflow/{middle}model-versions/transition-stage",
            json.dumps(fields),
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert answer.status_code == 403
        assert "does not allow None → Production. From None it allows Staging, Archived." in answer.json()["message"]
    elif door == "console":
        page = client.get("/models/fraud/versions/1/").content.decode()
        assert ("Move to Staging" in page, "Promote to Production" in page) == (True, False)
        client.post("/models/fraud/versions/1/transition/Production/", {"comment": "x"})
    else:
        with pytest.raises(Denied):
            _move(by_ada, version, door)
    assert stage_of(1) == ("None", False)
    assert not TransitionRequest.objects.exists()


def _move(actor: Actor, version: ModelVersion, door: str) -> None:
    match door:
        case "request":
            ask(actor, version)
        case "registry":
            change_stage(actor=actor, version=version, target=Stage.PRODUCTION, archive_existing=False, reason="")
        case _:
            break_glass(actor=actor, name="fraud", version=1, target="Production", reason="Fraud wave.")


def test_archived_is_final(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish()
    for version in (new_version(), new_version()):
        promote(by_ada, by_bea, version)
    publish_policy(body=BODY)
    [candidate] = rollback_candidates(version.model)
    assert "does not allow Archived → Production. From Archived it allows no other stage." in candidate.obstacle
    with pytest.raises(Denied):
        request_transition(actor=by_ada, name="fraud", version=1, target="None", archive_existing=False)
    assert stage_of(1) == ("Archived", False)


def test_what_is_allowed_goes_on(new_version: NewVersion, by_ada: Actor, client: Client, ada: User) -> None:
    publish_policy(body=BODY)
    version = new_version()
    for target in (Stage.STAGING, Stage.PRODUCTION, Stage.ARCHIVED):
        version = change_stage(actor=by_ada, version=version, target=target, archive_existing=False, reason="")
    assert stage_of(1) == ("Archived", False)
    client.force_login(ada)
    assert "None → Staging; None → Archived;" in client.get("/models/fraud/").content.decode()
    assert ModelVersion.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {**BODY, "applies_to": {"target": "Production"}},
        {**BODY, "rules": [{"id": "reason", "reason": "required"}]},
        {**BODY, "rules": [{"id": "edges", "transitions": {**ALLOWED, "Production": []}}]},
        {**BODY, "rules": [{"id": "edges", "transitions": {**ALLOWED, "Moon": []}}]},
        {**BODY, "rules": [{"id": "edges", "transitions": ALLOWED, "level": "advisory"}]},
    ],
)
def test_a_bad_policy_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        parse_policy(body)
