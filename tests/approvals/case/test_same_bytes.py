"""Findings, rejections, authorship and quarantine belong to the bytes: registering them again makes nothing clean."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from approvals.case.incumbents import Move
from approvals.case.loading import load_case, load_cases
from approvals.case.subjects import load_subject
from approvals.models import TransitionRequest
from approvals.models.oversight import Finding
from approvals.oversight.findings import open_finding
from approvals.oversight.quarantine_findings import open_quarantine_findings
from approvals.policy_changes.dry_run import dry_run
from approvals.requests.review import decide_request
from core.actors import Actor
from core.errors import Denied
from lineage.quarantine import place_quarantine
from registry.models import ModelVersion
from registry.services.models import create_model, delete_model
from registry.services.versions import create_version, delete_version
from tests.approvals.conftest import NewVersion, reread
from tests.approvals.governed import NO_FINDINGS, approve, ask, promote, publish
from tests.console.conftest import SignedIn, signed_in, text_of
from tests.signed_in import actor_of
from tracking.artifacts import folder_files, read_artifact, store_artifact
from tracking.models import Experiment, Run
from tracking.services.logging import set_tag

__all__ = ["signed_in"]

DATA = "dataset-version:orders/v2.1"


def again(actor: Actor, version: ModelVersion, name: str = "again", dataset: str = "clean_v1") -> ModelVersion:
    """Return the same bytes, renamed, registered from a fresh run of the actor's under a model of theirs."""
    run = fresh_run(actor, version, name, dataset)
    create_model(actor=actor, name=name)
    return create_version(actor=actor, name=name, source=f"runs:/{run.id}/model", run_id=run.id)


def fresh_run(actor: Actor, version: ModelVersion, key: str, dataset: str) -> Run:
    """Return a new run of the actor's that holds the bytes of a version under other names."""
    run_id = f"{key:f<32}"[:32]
    run = Run.objects.create(
        id=run_id,
        experiment=Experiment.objects.get(pk=0),
        created_by=actor.name,
        artifact_uri=f"mlflow-artifacts:/0/{run_id}/artifacts",
        start_ms=1,
    )
    set_tag(actor=actor, run_id=run_id, key="dataset_version", value=dataset)
    send_bytes(actor, version, run_id)
    return run


def send_bytes(actor: Actor, version: ModelVersion, run_id: str) -> None:
    """Store the files of a version in a run, its MLmodel changed and every other file renamed."""
    for name, _, _ in folder_files(version.artifact_path):
        content = read_artifact(f"{version.artifact_path}/{name}", 10**7)
        kept = name not in ("note.txt", "model.pkl", "model.skops")
        content += b"\n# logged again" if kept else b""
        path = f"0/{run_id}/artifacts/model/{name if kept else 'x-' + name}"
        store_artifact(actor=actor, path=path, stream=io.BytesIO(content))


def blockers(request: TransitionRequest) -> dict[str, str]:
    return {str(row["rule"]): str(row["why"]) for row in load_case(reread(request)).verdict.blocked_by()}


def advice(request: TransitionRequest) -> str:
    rows = load_case(reread(request)).verdict.rules
    return next((row.why for row in rows if row.rule == "earlier-rejection"), "")


def test_a_critical_finding_blocks_the_same_bytes(new_version: NewVersion, by_ada: Actor) -> None:
    publish("Production", NO_FINDINGS, models="*")
    first, second = new_version(same=True), new_version(same=True)
    finding = open_finding(actor=by_ada, name="fraud", version=1, severity="critical", title="Leaks labels")
    request = ask(by_ada, second)
    assert f"#{finding.pk} Leaks labels (on v1, the same files)" in blockers(request)["no-findings"]
    assert first.payload_digest == second.payload_digest


def test_a_finding_on_other_bytes_does_not(new_version: NewVersion, by_ada: Actor) -> None:
    publish("Production", NO_FINDINGS)
    new_version()
    open_finding(actor=by_ada, name="fraud", version=1, severity="critical", title="Leaks labels")
    assert "no-findings" not in blockers(ask(by_ada, new_version()))


def test_a_deleted_version_keeps_its_finding(new_version: NewVersion, by_ada: Actor) -> None:
    publish("Production", NO_FINDINGS)
    new_version(same=True)
    open_finding(actor=by_ada, name="fraud", version=1, severity="critical", title="Leaks labels")
    delete_version(actor=by_ada, name="fraud", version=1)
    assert "no-findings" in blockers(ask(by_ada, new_version(same=True)))


def test_a_finding_of_another_model_blocks_without_its_title(
    new_version: NewVersion, by_ada: Actor, bea: User, cy: User
) -> None:
    publish("Production", NO_FINDINGS, models="*")
    first = new_version()
    second = again(actor_of(cy), first)
    finding = open_finding(
        actor=by_ada, name="fraud", version=1, severity="critical", title="fraud leaks", owner=bea.username
    )
    why = blockers(ask(actor_of(cy), second))["no-findings"]
    assert f"#{finding.pk} on the same files in another model" in why
    assert "fraud" not in why


def test_the_pages_show_findings_on_the_same_bytes(
    new_version: NewVersion, by_ada: Actor, cy: User, signed_in: SignedIn
) -> None:
    first = new_version(same=True)
    new_version(same=True)
    again(actor_of(cy), first)
    open_finding(actor=by_ada, name="fraud", version=1, severity="critical", title="Leaks labels")
    assert "Leaks labels" in text_of(signed_in(cy).get("/models/fraud/versions/2/"))
    elsewhere = text_of(signed_in(cy).get("/models/again/versions/1/"))
    assert "A finding on the same files in another model" in elsewhere
    assert "Leaks labels" not in elsewhere


def test_a_dry_run_knows_the_finding(new_version: NewVersion, by_ada: Actor) -> None:
    new_version(same=True)
    new_version(same=True)
    open_finding(actor=by_ada, name="fraud", version=1, severity="critical", title="Leaks labels")
    body = {"name": "p", "applies_to": {"target": "Production", "models": "*"}, "rules": [NO_FINDINGS]}
    assert [row.rule for row in dry_run(actor=by_ada, body=body, name="fraud", version=2).verdict.rules if row.blocks]


def test_a_rejection_is_shown_with_who_when_why_and_where(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, bea: User, signed_in: SignedIn
) -> None:
    publish("Production")
    first = ask(by_ada, new_version(same=True))
    reject(by_bea, first, "It leaks labels.")
    request = ask(by_ada, new_version(same=True))
    assert advice(request).startswith("bea rejected v1 on 20")
    assert advice(request).endswith(f"/admin/approvals/transitionrequest/{first.pk}/change/): It leaks labels.")
    page = signed_in(bea).get(f"/admin/approvals/transitionrequest/{request.pk}/change/")
    assert "bea rejected v1" in text_of(page)
    assert f'href="/admin/approvals/transitionrequest/{first.pk}/change/"' in page.content.decode()


def test_a_rejection_is_advice_and_blocks_nothing(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish("Production")
    reject(by_bea, ask(by_ada, new_version(same=True)), "No.")
    promote(by_ada, by_bea, new_version(same=True))
    assert ModelVersion.objects.get(version=2).stage == "Production"


def test_a_rejection_in_a_hidden_model_is_told_without_its_name(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, cy: User, signed_in: SignedIn, settings: Settings
) -> None:
    publish("Production", models="*")
    first = new_version()
    reject(by_bea, ask(by_ada, first), "fraud is bad.")
    second = again(actor_of(cy), first)
    settings.DEFAULT_MODEL_LEVEL = "none"
    request = ask(actor_of(cy), second)
    assert "bea rejected the same files in another model" in advice(request)
    page = text_of(signed_in(cy).get(f"/admin/approvals/transitionrequest/{request.pk}/change/"))
    assert "the same files in another model" in page
    assert "fraud" not in page


def reject(actor: Actor, request: TransitionRequest, comment: str) -> None:
    digest = load_case(reread(request)).snapshot.subject_digest
    decide_request(actor=actor, request_id=request.pk, decision="reject", comment=comment, seen_digest=digest)


@pytest.mark.parametrize("hidden", [False, True])
def test_who_registered_the_bytes_first_is_an_author(
    hidden: bool, new_version: NewVersion, ada: User, by_ada: Actor, cy: User, settings: Settings
) -> None:
    publish("Production", models="*")
    ada.groups.add(Group.objects.get(name="reviewers"))
    first = new_version()
    second = again(actor_of(cy), first)
    if hidden:
        delete_model(actor=by_ada, name="fraud")
    request = ask(actor_of(cy), second)
    with pytest.raises(Denied, match="they are its version author") as refused:
        approve(by_ada, request)
    assert "fraud" not in refused.value.message
    assert not reread(request).reviews.exists()


def test_who_only_sent_the_bytes_is_an_author(new_version: NewVersion, by_ada: Actor, bea: User, by_bea: Actor) -> None:
    publish("Production", models="*")
    first = new_version()
    fresh_run(by_bea, first, "beas", "clean_v1")
    third = again(by_ada, first)
    with pytest.raises(Denied, match="version author"):
        approve(by_bea, ask(by_ada, third))


def test_a_later_copy_makes_nobody_an_author_of_the_first(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor
) -> None:
    publish("Production", models="*")
    first = new_version()
    again(by_bea, first)
    assert "bea" not in load_subject(Move(first, "Production", archive_existing=False)).authors
    promote(by_ada, by_bea, first)


def quarantine(ops: User, dataset: str = DATA) -> int:
    return place_quarantine(actor=actor_of(ops), urn=dataset, reason="Poisoned.").pk


def test_a_quarantine_follows_the_bytes_into_a_fresh_run(new_version: NewVersion, cy: User, ops: User) -> None:
    second = again(actor_of(cy), new_version())
    quarantine(ops)
    assert load_subject(Move(second, "Production", archive_existing=False)).ancestry.quarantined == (DATA,)


def test_a_quarantine_follows_the_bytes_of_an_unregistered_run(
    new_version: NewVersion, by_ada: Actor, cy: User, ops: User
) -> None:
    first = new_version(tags={"dataset_version": "clean_v1"})
    fresh_run(by_ada, first, "bad", "orders_v2.1")
    second = again(actor_of(cy), first)
    quarantine(ops)
    assert load_subject(Move(second, "Production", archive_existing=False)).ancestry.quarantined == (DATA,)


def test_a_live_version_of_the_same_bytes_gets_the_finding(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, cy: User, ops: User
) -> None:
    publish("Production", models="*")
    second = again(actor_of(cy), new_version())
    promote(actor_of(cy), by_bea, second)
    assert open_quarantine_findings(actor=by_ada, quarantine_id=quarantine(ops)) == 1
    assert Finding.objects.get().version == second


def test_other_bytes_are_not_tainted(new_version: NewVersion, ops: User) -> None:
    new_version()
    other = new_version(tags={"dataset_version": "clean_v1"})
    quarantine(ops)
    assert load_subject(Move(other, "Production", archive_existing=False)).ancestry.quarantined == ()


def test_the_number_of_queries_does_not_grow(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish("Production", NO_FINDINGS)
    requests = [ask(by_ada, new_version(same=True))]
    reject(by_bea, requests[0], "No.")
    requests = [ask(by_ada, new_version(same=True))]
    with CaptureQueriesContext(connection) as one:
        load_cases([reread(requests[0])])
    for _ in range(3):
        version = new_version(same=True)
        requests.append(ask(by_ada, version))
        open_finding(actor=by_ada, name="fraud", version=version.version, severity="high", title="More")
    reread_all = [reread(row) for row in requests]
    with CaptureQueriesContext(connection) as many:
        load_cases(reread_all)
    assert len(many) <= len(one) - 1  # one of them is the rereading
