"""A policy with the target `registration`: what a new version needs, and what such a policy may say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from core.actors import Actor
from core.errors import InvalidInput
from policies.parsing import parse_policy
from policies.yaml_text import parse_yaml
from registry.models import ModelVersion
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.approvals.publishing import publish_policy
from tests.conftest import Acting
from tracking.services.experiments import create_experiment
from tracking.services.logging import set_tag
from tracking.services.runs import create_run

POLICY = """
name: traced
applies_to: {target: registration, models: "fraud*"}
rules:
  - {id: lineage, check: lineage.required_tags, with: {tags: [git_commit, triggered_by]}}
"""


@pytest.fixture
def run_id(ada: User, acting: Acting) -> str:
    actor = acting(ada)
    publish_policy(body=parse_yaml(POLICY))
    create_model(actor=actor, name="fraud")
    return create_run(actor=actor, experiment_id=create_experiment(actor=actor, name="traced").pk, start_ms=1).pk


def register(actor: Actor, run_id: str, **more: Any) -> ModelVersion:
    return create_version(actor=actor, name="fraud", source=f"runs:/{run_id}/model", run_id=run_id, **more)


def test_a_version_without_the_tags_is_refused_and_nothing_is_kept(run_id: str, ada: User, acting: Acting) -> None:
    with pytest.raises(InvalidInput, match=rf"needs the tags git_commit and triggered_by on run {run_id}"):
        register(acting(ada), run_id)
    assert not ModelVersion.objects.exists()


def test_tags_of_the_run_or_of_the_version_count(run_id: str, ada: User, acting: Acting) -> None:
    actor = acting(ada)
    set_tag(actor=actor, run_id=run_id, key="git_commit", value="b7d9e4f")
    with pytest.raises(InvalidInput, match="needs the tag triggered_by"):
        register(actor, run_id)
    assert register(actor, run_id, tags=[("triggered_by", "ci")]).version == 1


def test_the_door_of_the_mlflow_client_names_them(run_id: str, ada: User, acting: Acting) -> None:
    token = issue_token(actor=acting(ada), user=ada, expires_in=timedelta(hours=1))[1]
    client = Client(headers={"Authorization": f"Bearer {token}"})
    body = {"name": "fraud", "source": f"runs:/{run_id}/model", "run_id": run_id}
    answer = client.post("/api/2.0/mlflow/model-versions/create", body, content_type="application/json")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "git_commit and triggered_by" in answer.json()["message"]
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize(
    "rule",
    [
        "{id: a, approvals: {count: 1, groups: [ml-leads]}}",
        "{id: a, check: artifact.scan}",
        "{id: a, check: lineage.required_tags, level: advisory}",
        "{id: a, check: lineage.required_tags, applies_if: {incumbent: true}}",
    ],
)
def test_it_can_ask_for_tags_alone(rule: str) -> None:
    with pytest.raises(InvalidInput, match="hard checks"):
        parse_policy(parse_yaml(f"name: x\napplies_to: {{target: registration}}\nrules:\n  - {rule}\n"))
