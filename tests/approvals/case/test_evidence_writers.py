"""Who wrote evidence of a version does not approve it, and no fact of a verdict is without a word on who wrote it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import pytest

from accounts.models import User
from approvals.case.evidence import FACT_WRITERS, KINDS, NOT_WRITTEN, ROLES, counted_keys
from approvals.case.loading import load_case
from approvals.models import Review, TransitionRequest
from approvals.requests.override import override_rule
from approvals.verdict.facts import CheckFacts, Snapshot
from audit.evidence import Evidence
from audit.models import EvidenceWriter
from core.actors import Actor
from core.errors import Denied
from lineage.declarations import declare_edge, retract_edge
from lineage.evidence import QUARANTINE_RELEASED
from lineage.models import Edge, Relation
from lineage.quarantine import active_quarantines, place_quarantine, release_quarantine
from policies.parsing import parse_policy
from policies.rule_parsing import FOUR_EYES_ROLES
from registry.models import ModelVersion
from registry.services.versions import delete_version_tag, set_version_tag
from tests.approvals.conftest import TAGS, NewVersion, reread
from tests.approvals.governed import FOUR_EYES, REVIEWERS, Json, approve, ask, promote, publish
from tests.signed_in import actor_of
from tracking.limits import Point
from tracking.models import LoggedModel, Run
from tracking.services.experiments import create_experiment
from tracking.services.logged_models import (
    create_logged_model,
    delete_logged_model,
    delete_model_tag,
    finalize_logged_model,
    log_model_params,
    set_model_tags,
)
from tracking.services.logging import log_metric
from validation.base import Ancestry, CardFacts, RunFacts, Subject

DATA = "dataset-version:orders/v2.1"


@pytest.mark.parametrize("facts", [Subject, RunFacts, CardFacts, Ancestry, Snapshot, CheckFacts])
def test_every_fact_says_who_wrote_it(facts: type) -> None:
    named = {f"{facts.__name__}.{field.name}" for field in fields(facts)}
    assert {name for name in named if (name in FACT_WRITERS) == (name in NOT_WRITTEN)} == set()


def test_every_fact_that_is_named_exists() -> None:
    known = {
        f"{facts.__name__}.{field.name}"
        for facts in (Subject, RunFacts, CardFacts, Ancestry, Snapshot, CheckFacts)
        for field in fields(facts)
    }
    assert {*FACT_WRITERS, *NOT_WRITTEN} <= known


def test_every_kind_and_role_is_known() -> None:
    used = {writer for writers in FACT_WRITERS.values() for writer in writers}
    assert used == {*KINDS, *ROLES}
    assert set(KINDS) == {*Evidence, QUARANTINE_RELEASED}
    assert set(ROLES) == {*FOUR_EYES_ROLES, "waiver_author"}


def refused(by_bea: Actor, request: TransitionRequest, what: str) -> None:
    with pytest.raises(Denied, match=what):
        approve(by_bea, request)
    assert not Review.objects.exists()


@pytest.mark.parametrize("key", ["dataset_version", "git_commit", "triggered_by", "owner_team"])
def test_a_tag_that_counts(key: str, by_ada: Actor, by_bea: Actor, new_version: NewVersion) -> None:
    rule: Json = {"id": "tags", "level": "advisory", "check": "lineage.required_tags", "with": {"tags": ["owner_team"]}}
    publish("Production", rule)
    version = new_version(tags={})
    set_version_tag(actor=by_bea, name="fraud", version=version.version, key=key, value="x")
    refused(by_bea, ask(by_ada, version), f"set or deleted the tag {key} of the version")


def test_a_tag_that_was_deleted_again(by_ada: Actor, by_bea: Actor, new_version: NewVersion) -> None:
    publish("Production")
    version = new_version()
    set_version_tag(actor=by_ada, name="fraud", version=1, key="git_commit", value="x")
    delete_version_tag(actor=by_bea, name="fraud", version=1, key="git_commit")
    refused(by_bea, ask(by_ada, version), "the tag git_commit")


def test_another_tag_does_not_count(by_ada: Actor, by_bea: Actor, new_version: NewVersion) -> None:
    publish("Production")
    version = new_version()
    set_version_tag(actor=by_bea, name="fraud", version=1, key="validation_status", value="approved")
    promote(by_ada, by_bea, version)


def test_an_approval_stops_counting(by_ada: Actor, by_bea: Actor, new_version: NewVersion) -> None:
    publish("Production", apply_delay="1h")
    request = approve(by_bea, ask(by_ada, new_version()))
    set_version_tag(actor=by_bea, name="fraud", version=1, key="git_commit", value="x")
    assert [row["rule"] for row in load_case(reread(request)).verdict.blocked_by()] == ["reviewers"]


def logged(actor: Actor) -> LoggedModel:
    theirs = create_experiment(actor=actor, name="clf").pk  # only superusers delete in experiment 0
    return create_logged_model(actor=actor, experiment_id=theirs, name="clf")


MODEL_CHANGES: list[Callable[[Actor, str], object]] = [
    lambda actor, pk: finalize_logged_model(actor=actor, model_id=pk, status="LOGGED_MODEL_READY"),
    lambda actor, pk: set_model_tags(actor=actor, model_id=pk, tags=[("a", "b")]),
    lambda actor, pk: delete_model_tag(actor=actor, model_id=pk, key="t"),
    lambda actor, pk: log_model_params(actor=actor, model_id=pk, params=[("a", "b")]),
    lambda actor, pk: delete_logged_model(actor=actor, model_id=pk),
]


@pytest.mark.parametrize("change", MODEL_CHANGES)
def test_who_changed_the_logged_model(
    change: Callable[[Actor, str], object], by_ada: Actor, by_bea: Actor, new_version: NewVersion
) -> None:
    publish("Production")
    version, model = new_version(), logged(by_ada)
    set_model_tags(actor=by_ada, model_id=model.pk, tags=[("t", "u")])
    change(by_bea, model.pk)
    ModelVersion.objects.filter(pk=version.pk).update(logged_model_id=model.pk)
    refused(by_bea, ask(by_ada, version), "of the logged model")


def test_who_created_the_logged_model(by_ada: Actor, by_bea: Actor, new_version: NewVersion) -> None:
    publish("Production")
    version = new_version()
    ModelVersion.objects.filter(pk=version.pk).update(logged_model_id=logged(by_bea).pk)
    refused(by_bea, ask(by_ada, version), "wrote the files of the logged model")


def test_who_logged_metrics_of_the_logged_model(by_ada: Actor, by_bea: Actor, new_version: NewVersion) -> None:
    publish("Production")
    version, model = new_version(), logged(by_ada)
    run = Run.objects.create(id="e" * 32, experiment_id=0, created_by="ada", artifact_uri="x", start_ms=1)
    point = Point(key="f1", value=1.0, timestamp_ms=1, model_id=model.pk)
    log_metric(actor=by_bea, run_id=run.pk, point=point)
    ModelVersion.objects.filter(pk=version.pk).update(logged_model_id=model.pk)
    refused(by_bea, ask(by_ada, version), "wrote metrics of the logged model")


def test_who_declared_an_edge(by_ada: Actor, by_bea: Actor, new_version: NewVersion) -> None:
    publish("Production")
    new_version()
    version = new_version(tags={"dataset_version": "clean_v1"})
    declare_edge(actor=by_bea, src_urn=DATA, dst_urn=f"run:{version.run_id}", rel=Relation.CONSUMED)
    refused(by_bea, ask(by_ada, version), f"declared a lineage edge from {DATA}")


def test_who_retracted_an_edge(by_ada: Actor, bea: User, new_version: NewVersion) -> None:
    publish("Production")
    version = new_version()
    bea.is_superuser = True
    bea.save()
    edge = Edge.objects.get(src__urn=DATA, dst__urn=f"run:{version.run_id}")
    retract_edge(actor=actor_of(bea), edge_id=edge.pk, reason="Not that.")
    refused(actor_of(bea), ask(by_ada, version), "retracted the lineage edge")


def test_who_released_the_quarantine(by_ada: Actor, by_bea: Actor, new_version: NewVersion) -> None:
    publish("Production")
    version = new_version()
    place_quarantine(actor=by_bea, urn=DATA, reason="Bad.")
    release_quarantine(actor=by_bea, urn=DATA, reason="Good.")
    refused(by_bea, ask(by_ada, version), f"released the quarantine of {DATA}")


def test_an_author_does_not_release_the_quarantine_of_their_data(
    bea: User, by_bea: Actor, new_version: NewVersion
) -> None:
    version = new_version()
    log_metric(actor=by_bea, run_id=version.run_id, point=Point(key="f1", value=1.0, timestamp_ms=1))
    place_quarantine(actor=by_bea, urn=DATA, reason="Bad.")
    with pytest.raises(Denied, match="somebody else must decide on the quarantine"):
        release_quarantine(actor=by_bea, urn=DATA, reason="Good.")
    assert active_quarantines().count() == 1


def test_the_owner_of_a_service_account_that_set_the_tag(
    by_ada: Actor, bea: User, bot: User, new_version: NewVersion
) -> None:
    publish("Production")
    version = new_version()
    User.objects.filter(pk=bot.pk).update(owner=bea)
    set_version_tag(actor=actor_of(bot), name="fraud", version=1, key="git_commit", value="x")
    User.objects.filter(pk=bot.pk).update(owner=User.objects.get(username="ada"))  # handed over since
    refused(actor_of(bea), ask(by_ada, version), r"they \(or a service account of theirs\) set or deleted")


def test_who_overrode_a_rule_does_not_approve_too(by_ada: Actor, by_bea: Actor, new_version: NewVersion) -> None:
    soft: Json = {
        "id": "soak",
        "level": "soft",
        "soak": {"in": "Staging", "hours": 24},
        "override": ["reviewers"],
    }
    publish("Production", soft)
    request = ask(by_ada, new_version())
    digest = load_case(reread(request)).snapshot.subject_digest
    override_rule(actor=by_bea, request_id=request.pk, rule="soak", reason="Urgent.", seen_digest=digest)
    refused(by_bea, request, "overrode the rule soak")


def test_a_policy_without_four_eyes_keeps_nobody_out(by_ada: Actor, by_bea: Actor, new_version: NewVersion) -> None:
    publish("Production", rules=[REVIEWERS])
    version = new_version()
    set_version_tag(actor=by_bea, name="fraud", version=1, key="git_commit", value="x")
    promote(by_ada, by_bea, version)


def test_the_keys_that_count() -> None:
    check = {"id": "t", "level": "hard", "check": "lineage.required_tags", "with": {"tags": ["team"]}}
    body = {"name": "p", "applies_to": {"target": "Production", "models": "*"}, "rules": [check, FOUR_EYES]}
    assert {*TAGS, "team"} <= counted_keys(parse_policy(body).rules)


def test_saying_so_again_adds_no_row(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    for value in "xyz":
        set_version_tag(actor=by_ada, name="fraud", version=1, key="git_commit", value=value)
    assert EvidenceWriter.objects.count() == 1
