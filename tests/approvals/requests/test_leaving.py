"""Leaving Production or a protected alias with nothing in its place: judged at every door, and never in passing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from approvals import tasks
from approvals.case.loading import load_case
from approvals.case.request_rules import rules_at_close
from approvals.models import RequestState, TransitionRequest
from approvals.models.oversight import PostReview
from approvals.policy_changes.propose import propose_policy
from approvals.requests.alias import request_alias_removal
from approvals.requests.break_glass import break_glass
from approvals.requests.give_reason import give_reason
from approvals.requests.lifecycle import withdraw_request
from approvals.requests.transition import request_transition
from audit.actions import Action
from audit.models import Event
from audit.queries import facts
from core.actors import Actor
from core.errors import Conflict, Denied, DomainError, GateRefused, InvalidState
from notices.models import Notice, Topic
from policies.models import PolicyProposal, PolicyRevision
from policies.request_kinds import RequestKind
from registry.models import Alias, ModelVersion
from registry.permissions import Level, grant_level
from registry.services.aliases import delete_alias
from registry.services.deployments import register_deployment
from registry.services.models import delete_model
from registry.services.stages import archive_superseded, change_stage
from registry.services.versions import delete_version
from registry.stages import TRANSITIONS, Stage
from tests.approvals.conftest import NewVersion, reread
from tests.approvals.governed import PRODUCTION, Json, approve, ask, promote, publish, stage_of
from tests.approvals.publishing import publish_policy
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import actor_of
from webhooks.payloads import message_of, source_of

ALIASES = "/api/2.0/mlflow/registered-models/alias"
STAGES = "/api/2.0/mlflow/model-versions/transition-stage"
DATABRICKS = "/api/2.0/mlflow/databricks/model-versions/transition-stage"
WAYS_OUT = [edge.target for edge in TRANSITIONS if edge.source == Stage.PRODUCTION != edge.target]
REASON: Json = {"id": "reason", "reason": "required"}
SECOND: Json = {"id": "second", "approvals": {"count": 1, "groups": ["reviewers"]}, "applies_if": {"deployed": True}}


def publish_leaving(*rules: Json, **options: object) -> PolicyRevision:
    """Publish what `fraud` needs to leave Production."""
    scope = {"leaves": "Production", "models": "fraud"}
    return publish_policy(body={"name": "leave", "applies_to": scope, "rules": list(rules), "options": options})


@pytest.fixture
@recorded_fixture
def live(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> ModelVersion:
    """Version 1 of `fraud`: current Production and @champion, under a policy on leaving that asks for a reason."""
    publish()
    publish("@champion")
    version = new_version()
    promote(by_ada, by_bea, version)
    promote(by_ada, by_bea, version, "@champion")
    publish_leaving(REASON, SECOND)
    return ModelVersion.objects.select_related("model").get(pk=version.pk)


@pytest.fixture
def script(ada: User, by_ada: Actor) -> Callable[..., Any]:
    """Return a function that calls an API with ada's token."""
    secret = issue_token(actor=by_ada, user=ada, expires_in=timedelta(hours=1))[1]
    client = Client(headers={"Authorization": f"Bearer {secret}"})

    def call(method: str, path: str, **fields: Any) -> Any:
        return client.generic(method, path, json.dumps(fields), content_type="application/json")

    return call


def is_untouched() -> bool:
    left = Event.objects.filter(action=Action.REGISTRY_ALIAS_DELETED, outcome="ok").exists()
    return stage_of(1) == PRODUCTION and Alias.objects.filter(name="champion").exists() and not left


@pytest.mark.parametrize("target", WAYS_OUT)
@pytest.mark.parametrize("door", ["mlflow", "ajax", "databricks", "console", "registry"])
def test_no_door_leads_out_without_the_gate(
    live: ModelVersion, script: Callable[..., Any], ada: User, by_ada: Actor, door: str, target: Stage
) -> None:
    where = {"name": "fraud", "version": "1", "stage": target.value}
    if door == "console":
        client = Client()
        client.force_login(ada)
        client.post(f"/models/fraud/versions/1/transition/{target}/", {"comment": ""})
    elif door == "registry":
        with pytest.raises(DomainError):
            change_stage(actor=by_ada, version=live, target=target, archive_existing=False, reason="x")
    else:
        path = {"mlflow": STAGES, "ajax": STAGES.replace("/api/", "/ajax-api/"), "databricks": DATABRICKS}[door]
        assert script("POST", path, **where).status_code == 403
    assert is_untouched()


def test_no_door_takes_a_protected_alias_away_without_the_gate(
    live: ModelVersion, script: Callable[..., Any], ada: User, by_ada: Actor
) -> None:
    client = Client()
    client.force_login(ada)
    client.post("/models/fraud/aliases/champion/delete/", {"comment": ""})
    assert script("DELETE", ALIASES, name="fraud", alias="champion").status_code == 403
    assert script("DELETE", "/api/v1/models/fraud/aliases/champion").status_code == 403
    with pytest.raises(GateRefused):
        delete_alias(actor=by_ada, name="fraud", alias="champion")
    assert is_untouched()


def test_deleting_is_no_way_out(live: ModelVersion, by_ada: Actor) -> None:
    with pytest.raises(Conflict):
        delete_version(actor=by_ada, name="fraud", version=1)
    with pytest.raises(Conflict):
        delete_model(actor=by_ada, name="fraud")
    assert is_untouched()


def test_a_call_without_a_reason_opens_the_request_and_names_it(
    live: ModelVersion, script: Callable[..., Any], by_ada: Actor
) -> None:
    answer = script("POST", STAGES, name="fraud", version="1", stage="Archived")
    request = TransitionRequest.objects.get(target="Archived")
    message = answer.json()["message"]
    assert "Moving fraud v1 from Production to Archived is not approved yet." in message
    assert f"/admin/approvals/transitionrequest/{request.pk}/change/" in message
    give_reason(actor=by_ada, request_id=request.pk, reason="The data contract ended.")
    assert tasks.apply_request(request.pk) == "applied"
    event = Event.objects.filter(action=Action.REGISTRY_STAGE_CHANGED).order_by("-pk")[0]
    assert stage_of(1) == ("Archived", False)
    assert "The data contract ended." in facts(event)["reason"]
    with pytest.raises(InvalidState):
        give_reason(actor=by_ada, request_id=request.pk, reason="Another one.")


def test_those_who_answer_for_the_version_are_told(live: ModelVersion, by_ada: Actor, by_bea: Actor, cy: User) -> None:
    grant_level(user=cy, model=live.model, level=Level.MANAGE)
    register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1)
    with pytest.raises(GateRefused):
        leave(by_ada, "Archived", "It drifts.")
    approve(by_bea, TransitionRequest.objects.get(target="Archived"))
    Notice.objects.all().delete()
    assert tasks.apply_request(TransitionRequest.objects.get(target="Archived").pk) == "applied"
    told = Notice.objects.filter(topic=Topic.LEFT)
    assert set(told.values_list("person__username", flat=True)) == {"bea", "cy"}  # ada took it out herself
    assert {row.title for row in told} == {"fraud v1 left Production without a successor"}
    assert "Still served by /predict." in told[0].text
    event = Event.objects.get(action=Action.REGISTRY_PRODUCTION_LEFT)
    sent = message_of(source_of(event, live.model_id) or pytest.fail("no model"))
    assert sent is not None
    assert sent.name == "model_version_stage.left"


def test_the_comment_of_databricks_is_the_reason(live: ModelVersion, script: Callable[..., Any]) -> None:
    fields = {"name": "fraud", "version": "1", "stage": "Archived", "archive_existing_versions": False}
    assert script("POST", DATABRICKS, **fields).status_code == 403
    assert script("POST", DATABRICKS, **fields, comment="The contract ended.").status_code == 200
    assert stage_of(1) == ("Archived", False)


def test_a_served_version_leaves_with_a_second_person(live: ModelVersion, by_ada: Actor, by_bea: Actor) -> None:
    register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1)
    with pytest.raises(GateRefused) as refused:
        leave(by_ada, "Archived", "It drifts.")
    assert [item["rule"] for item in refused.value.blocked_by] == ["second"]
    request = TransitionRequest.objects.get(target="Archived")
    approve(by_bea, request)
    assert tasks.apply_request(request.pk) == "applied"
    assert stage_of(1) == ("Archived", False)


def test_a_deployment_since_the_reason_was_given_counts(live: ModelVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish_leaving(REASON, SECOND, apply_delay="1h")
    with pytest.raises(GateRefused):
        leave(by_ada, "Archived", "It drifts.")
    request = TransitionRequest.objects.get(target="Archived")
    assert request.state == RequestState.APPROVED
    register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1)
    with pytest.raises(GateRefused):
        change_stage(actor=by_ada, version=live, target=Stage.ARCHIVED, archive_existing=False, reason="x")
    assert is_untouched()


def test_an_emergency_leads_out_and_is_reviewed(live: ModelVersion, by_bea: Actor, bea: User, by_ada: Actor) -> None:
    glass = {"groups": ["reviewers"], "second_person": False, "post_review_within": "48h"}
    publish_leaving(REASON, SECOND, break_glass=glass)
    register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1)
    allow(bea, live)
    with pytest.raises(Denied):
        break_glass(actor=by_ada, name="fraud", version=1, target="Archived", reason="It leaks.")
    made = break_glass(actor=by_bea, name="fraud", version=1, target="Archived", reason="It leaks.", wait_seconds=0)
    assert (made.kind, stage_of(1)) == (RequestKind.BREAK_GLASS, ("Archived", False))
    assert PostReview.objects.filter(request=made).exists()


def test_moving_back_to_a_governed_stage_meets_both_policies(live: ModelVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish("Staging")
    request = ask(by_ada, live, "Staging", archive_existing=False)
    approve(by_bea, request)
    assert (reread(request).state, is_untouched()) == (RequestState.OPEN, True)
    give_reason(actor=by_ada, request_id=request.pk, reason="Back to tests.")
    approve(by_bea, request)
    assert tasks.apply_request(request.pk) == "applied"
    assert stage_of(1) == ("Staging", False)


def test_a_closed_request_keeps_the_rules_of_the_policy_on_leaving(
    live: ModelVersion, by_ada: Actor, by_bea: Actor
) -> None:
    publish("Staging")
    request = ask(by_ada, live, "Staging", archive_existing=False)
    opened_with = reread(request).leave_revision
    newer = publish_leaving({**REASON, "id": "why"})
    give_reason(actor=by_ada, request_id=request.pk, reason="Back to tests.")
    approve(by_bea, request)
    assert tasks.apply_request(request.pk) == "applied"
    publish_leaving(SECOND)
    closed = reread(request)
    assert (str(opened_with), closed.leave_revision) == ("leave r1", newer)
    ids = {rule.id for rule in rules_at_close(closed).rules}
    assert "why" in ids
    assert not ids & {"reason", "second"}
    followed = [facts(event) for event in Event.objects.filter(action=Action.APPROVALS_REQUEST_CHANGED)]
    assert [event["after"]["leave_policy"] for event in followed if "leave_policy" in event["after"]] == ["leave r2"]


def test_the_delay_of_the_policy_on_leaving_counts(live: ModelVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish("Staging")
    publish_leaving(REASON, apply_delay="2d")
    request = ask(by_ada, live, "Staging", archive_existing=False)
    give_reason(actor=by_ada, request_id=request.pk, reason="Back to tests.")
    approve(by_bea, request)
    approved = reread(request)
    assert approved.state == RequestState.APPROVED
    assert approved.apply_after is not None
    assert approved.apply_after > timezone.now() + timedelta(days=1)
    assert (tasks.apply_request(request.pk), is_untouched()) == ("not applied", True)


def test_the_policy_on_leaving_applies_to_who_moves_back(live: ModelVersion, by_ada: Actor, ada: User) -> None:
    publish("Staging", new_account_window="0h")
    publish_leaving(REASON, new_account_window="14d")
    request = ask(by_ada, live, "Staging", archive_existing=False)
    assert load_case(reread(request)).window == timedelta(days=14)
    ada.groups.add(Group.objects.get_or_create(name="policy-editors")[0])
    relaxed = {"name": "leave", "applies_to": {"leaves": "Production", "models": "fraud"}, "rules": [SECOND]}
    before = PolicyProposal.objects.count()
    with pytest.raises(Denied, match=f"request #{request.pk}"):
        propose_policy(actor=actor_of(ada), body=relaxed)
    assert PolicyProposal.objects.count() == before
    withdraw_request(actor=by_ada, request_id=request.pk)
    assert propose_policy(actor=actor_of(ada), body=relaxed).state == "open"


def test_the_alias_leaves_by_its_request(live: ModelVersion, by_ada: Actor) -> None:
    request_alias_removal(actor=by_ada, name="fraud", alias="champion", reason="No longer used.", wait_seconds=0)
    assert not Alias.objects.filter(name="champion").exists()
    assert TransitionRequest.objects.get(target="-champion").state == RequestState.APPLIED
    assert stage_of(1) == PRODUCTION


def test_what_replaces_is_not_judged(live: ModelVersion, new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    promote(by_ada, by_bea, new_version())
    promote(by_ada, by_bea, new_version(), archive_existing=False)
    promote(by_ada, by_bea, ModelVersion.objects.get(version=2), "@champion")
    assert [stage_of(number) for number in (1, 2, 3)] == [
        ("Archived", False),
        ("Production", False),
        PRODUCTION,
    ]
    ModelVersion.objects.filter(version=2).update(archive_after="2026-01-01T00:00:00Z")
    assert archive_superseded(actor=by_ada, version_id=ModelVersion.objects.get(version=2).pk)


def test_an_editor_cannot_even_ask(live: ModelVersion, by_bea: Actor, settings: Settings) -> None:
    settings.DEFAULT_MODEL_LEVEL = "edit"
    with pytest.raises(Denied):
        request_transition(
            actor=by_bea, name="fraud", version=1, target="Archived", archive_existing=False, comment="x"
        )
    assert not TransitionRequest.objects.filter(target="Archived").exists()


def test_without_a_policy_it_leaves_as_in_mlflow(new_version: NewVersion, script: Callable[..., Any]) -> None:
    new_version()
    for stage in ("Production", "Archived"):
        assert script("POST", STAGES, name="fraud", version="1", stage=stage).status_code == 200
    assert stage_of(1) == ("Archived", False)


def leave(actor: Actor, target: str, comment: str) -> ModelVersion:
    return request_transition(
        actor=actor, name="fraud", version=1, target=target, archive_existing=False, comment=comment, wait_seconds=0
    )


def allow(user: User, version: ModelVersion) -> None:
    """Give somebody the level that takes versions out of Production."""
    grant_level(user=user, model=version.model, level=Level.MANAGE_PRODUCTION)
