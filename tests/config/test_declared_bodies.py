"""Every operation of /api/v1 is carried out once: its answer is what the OpenAPI document declares.

The answers are held against the document as they arrive (tests/declared_bodies.py). An operation that a story below
leaves out fails the test, unless UNTRIED says why.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.models import User
from approvals import tasks
from approvals.models import CheckEvidence, CheckRun, TransitionRequest
from audit import tasks as audit_tasks
from core.actors import Actor
from policies.defaults import DEFAULT_POLICIES
from registry.cards import HUMAN_KEYS
from registry.services.models import create_model
from tests.approvals.check_runs.test_external_results import POLICY, SECRET, payload, public, sealed
from tests.approvals.conftest import (
    NewVersion,
    RunChecks,
    _own_store,
    by_ada,
    new_version,
    policies,
    run_checks,
)
from tests.approvals.governed import FOUR_EYES, REVIEWERS, publish
from tests.approvals.passkeys import enrolled
from tests.approvals.publishing import publish_policy
from tests.declared_bodies import Caller, document
from tests.lineage.croissant.documents import document as document_of_orders
from tests.lineage.openlineage.events import RUN, event, table
from tests.registry.test_assess_risk import HARMLESS
from tracking.models import Experiment

__all__ = ["_own_store", "by_ada", "new_version", "policies", "run_checks"]

METHODS = ("get", "post", "put", "patch", "delete")
SCAN: dict[str, object] = {"id": "scan", "level": "hard", "check": "artifact.scan"}
SOFT_CARD: dict[str, object] = {"id": "card", "level": "soft", "check": "card.complete", "override": ["risk"]}
FRAUD, SPARE, V1 = "models/fraud", "models/spare", "models/fraud/versions/1"
EVENT = {
    "eventType": "COMPLETE",
    "eventTime": "2026-11-20T10:00:00Z",
    "run": {"runId": "01890000-0000-7000-8000-000000000001"},
    "job": {"namespace": "etl", "name": "daily"},
    "inputs": [{"namespace": "s3://lake", "name": "raw"}],
    "outputs": [{"namespace": "s3://lake", "name": "clean"}],
    "producer": "https://example.org/etl",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
}
# Operation → why no story carries it out.
UNTRIED: dict[str, str] = {
    "post /api/v1/tokens/exchange": "it needs an issuer: tests/accounts/workload/test_exchange_token.py",
}


@pytest.fixture
def call(ada: User, bea: User, cy: User, ops: User) -> Caller:
    for user, groups in (
        (bea, ("risk", "incident", "policy-reviewers")),
        (cy, ("incident", "policy-editors")),
        (ops, ("reviewers",)),
    ):
        user.groups.add(*[Group.objects.get_or_create(name=name)[0] for name in groups])
    enrolled(bea, "bea-password-1")
    enrolled(cy, "cy-password-12")
    return Caller()


def registry(call: Caller) -> None:
    for path in ("models", FRAUD, f"{FRAUD}/versions", V1, f"{V1}/provenance", f"{V1}/provenance?form=openlineage"):
        call("ada", "get", path)
    for path in ("completeness", "reproduce", "reproduce.sh", "reproduce.zip"):
        call("ada", "get", f"{V1}/{path}")
    call("ada", "get", "diff?a=model-version:fraud/1&b=model-version:fraud/2")
    call("ada", "put", f"{FRAUD}/aliases/canary", {"version": 1})
    call("ada", "get", f"{FRAUD}/aliases/canary")
    call("ada", "delete", f"{FRAUD}/aliases/canary")
    for method, body in (("put", None), ("get", None), ("delete", None)):
        call("ada", method, f"{FRAUD}/watch", body)
    call("ada", "get", f"{FRAUD}/risk")
    call("ada", "post", f"{FRAUD}/risk", {"answers": HARMLESS, "expected_number": 0})
    call("ada", "get", f"{FRAUD}/risk")


def cards(call: Caller) -> None:
    card = f"{V1}/card"
    number = call("ada", "get", card)["number"]
    number = call("ada", "put", card, {"fields": dict.fromkeys(HUMAN_KEYS, "Put."), "expected_number": number})[
        "number"
    ]
    key = min(HUMAN_KEYS)
    number = call("ada", "patch", card, {"fields": {key: "Patched."}, "expected_number": number})["number"]
    call("ada", "get", f"{card}/diff")
    content = "---\nlicense: mit\nlanguage: no\n---\n# Fraud\n"
    call("ada", "post", f"{card}/import", {"format": "hf", "content": content, "expected_number": number})
    for kind in ("hf", "cyclonedx", "sagemaker", "mct", "html", "json"):
        call("ada", "get", f"{card}?format={kind}")
    call("ada", "get", "cards/schema")
    call("ada", "get", "cards/templates")


def grants(call: Caller) -> None:
    experiment = Experiment.objects.create(name="team", created_ms=1, updated_ms=1)
    somebody = {"kind": "user", "name": "cy", "level": "edit"}
    for path, body in (
        (f"{FRAUD}/permissions", somebody),
        (f"experiments/{experiment.pk}/permissions", somebody),
        ("experiments/permissions", {**somebody, "pattern": "team*"}),
    ):
        pattern = "&pattern=team*" if "pattern" in body else ""
        call("ops", "put", path, body)
        call("ops", "get", path)
        call("ops", "delete", f"{path}?kind=user&name=cy{pattern}")
    call("ops", "post", "accounts/cy/confirmations", {"reason": "Known to both of us."})
    workload_identity(call)
    memberships(call)


def workload_identity(call: Caller) -> None:
    """A trusted publisher is added and deleted; the exchange itself is UNTRIED."""
    User.objects.create_user("deployer", is_service=True, owner=User.objects.get(username="ada"))
    rule = {"name": "ci", "issuer": "https://gitlab.com", "audience": "custody", "claims": {"project_id": "1"}}
    added = call("ada", "post", "accounts/deployer/trusted-publishers", rule)
    call("ada", "get", "accounts/deployer/trusted-publishers")
    call("ada", "delete", f"trusted-publishers/{added['id']}")


def memberships(call: Caller) -> None:
    """An owner is made, adds a member, and is none any more."""
    Group.objects.create(name="team")
    call("ops", "put", "groups/team/owners/ada")
    call("ada", "post", "groups/team/members", {"username": "cy", "expires_at": "2099-01-01T00:00:00Z"})
    call("ada", "get", "groups/team/members")
    call("ada", "get", "groups/team/owners")
    call("ada", "patch", "groups/team/members/cy", {"expires_at": None})
    call("ada", "delete", "groups/team/members/cy")
    call("ops", "delete", "groups/team/owners/ada")


def requests(call: Caller, run_checks: RunChecks) -> None:
    """Version 1 is overridden, reviewed, and in Production; a request for version 2 is withdrawn."""
    body = {"model": "fraud", "version": 2, "target": "Production"}
    second = call("ada", "post", "transition-requests", body)["id"]
    call("ada", "post", f"transition-requests/{second}/reason", {"reason": "Better."})
    call("ada", "post", f"transition-requests/{second}/withdraw", {"comment": "Not yet."})
    number = call("ada", "post", "transition-requests", {**body, "version": 1, "comment": "First."})["id"]
    path = f"transition-requests/{number}"
    queued = CheckRun.objects.filter(request=number).order_by("pk")[0]
    call("ada", "post", f"check-runs/{queued.pk}/cancel", {"reason": "Again."})
    call("ada", "post", f"check-runs/{queued.pk}/rerun")
    run_checks(TransitionRequest.objects.get(pk=number))
    seen = call("ada", "get", path)["subject_digest"]
    said = {"rule": "card", "reason": "It is small.", "seen_digest": seen}
    override = call("bea", "post", f"{path}/overrides", said)["id"]
    call("bea", "post", f"{path}/overrides/{override}/withdraw", {"reason": "It is not."})
    call("ada", "get", f"{path}/overrides")
    edit = {"fields": dict.fromkeys(HUMAN_KEYS, "Written."), "expected_number": 1}
    call("ada", "put", f"{V1}/card", edit)
    run_checks(TransitionRequest.objects.get(pk=number))
    seen = call("bea", "get", path)["subject_digest"]
    condition = {"text": "Measure again.", "owner": "ada", "due_at": (timezone.now() + timedelta(days=9)).isoformat()}
    review = {"decision": "approve", "comment": "Good.", "seen_digest": seen, "conditions": [condition]}
    asked = {key: review[key] for key in ("decision", "comment", "seen_digest")}
    call("bea", "post", f"{path}/passkey-options", asked)
    call("bea", "post", f"{path}/reviews", review)
    tasks.apply_request(number)
    call("ada", "get", f"{path}/reviews")
    call("ada", "get", path)
    call("ada", "get", "transition-requests")


def checks(call: Caller) -> None:
    call("ada", "get", "checks")
    call("ada", "get", "check-runs")
    evidence = CheckEvidence.objects.order_by("pk").first()
    assert evidence is not None
    call("ada", "get", f"check-runs/{evidence.check_run_id}")
    call("ada", "get", f"check-runs/{evidence.check_run_id}/files/{evidence.name}")
    call("ops", "post", "check-keys", {"name": "ci", "public_key": public(SECRET)})
    publish_policy(body=POLICY)
    asked = call("ada", "post", "transition-requests", {"model": "fraud", "version": 2, "target": "Staging"})
    job = CheckRun.objects.get(request=asked["id"])
    call("cy", "post", f"check-runs/{job.pk}/result", sealed(payload(job)))
    call("ops", "post", "check-keys/ci/revoke", {"reason": "Done."})
    call("ops", "get", "check-keys")


def production(call: Caller, run_checks: RunChecks) -> None:
    """Version 2 follows in an emergency; then version 1 is brought back."""
    for path in ("production", "production/history", "production/versions"):
        call("ada", "get", f"{FRAUD}/{path}")
    call("ada", "get", f"{FRAUD}/production?at={(timezone.now() + timedelta(days=1)).date()}")
    call("ada", "get", "production?models=fraud,never")
    call("ada", "get", "production/events?models=fraud,never")
    tasks.freeze_packs()
    call("ada", "get", f"{V1}/approval-statements")
    call("ada", "get", f"{V1}/packs")
    call("ada", "get", f"{V1}/packs/1")
    call("ada", "get", f"{V1}/packs/1/page")
    call("ops", "post", f"{V1}/packs/1/dossier")
    call("bea", "post", f"{V1}/re-reviews", {"comment": "Still good."})
    call("ada", "get", f"{V1}/re-reviews")
    call("cy", "post", f"{FRAUD}/versions/2/break-glass/passkey-options", {"reason": "Fire."})
    made = call("cy", "post", f"{FRAUD}/versions/2/break-glass", {"reason": "Fire.", "archive_existing": False})
    request = TransitionRequest.objects.get(pk=made["id"])
    run_checks(request)
    request.refresh_from_db()
    review = {"decision": "approve", "comment": "Go.", "seen_digest": request.subject_digest}
    call("bea", "post", f"transition-requests/{request.pk}/reviews", review)
    tasks.apply_request(request.pk)
    due = call("ada", "get", "post-reviews")["post_reviews"][0]["id"]
    call("ops", "post", f"post-reviews/{due}/complete", {"outcome": "justified", "comment": "It burned."})
    call("ada", "get", "post-reviews")
    call("ada", "post", f"{FRAUD}/rollback", {"reason": "Drift."})


def oversight(call: Caller) -> None:
    finding = {"model": "fraud", "version": 1, "severity": "low", "title": "Drifts"}
    number = call("ada", "post", "findings", finding)["id"]
    call("ada", "post", f"findings/{number}/assign", {"owner": "cy"})
    call("ada", "post", f"findings/{number}/close", {"state": "resolved", "comment": "Trained again."})
    call("ada", "get", f"findings/{number}")
    call("ada", "get", "findings")
    deployed = call("ada", "post", "deployments", {"endpoint": "/predict", "model": "fraud", "version": 1})["id"]
    call("ada", "get", "deployments")
    call("ada", "get", f"deployments/{deployed}")
    call("ada", "post", f"deployments/{deployed}/attestations", {"digest": "0" * 64})
    call("ada", "get", f"deployments/{deployed}/attestations")
    call("ada", "post", f"deployments/{deployed}/end")


def inventory(call: Caller) -> None:
    call("ada", "put", f"{SPARE}/inventory", {"owner": "cy", "purpose": "Spare."})
    attested = {"in_use": True, "still_fit": True, "documentation_true": True}
    call("cy", "post", f"{SPARE}/attestations", attested)
    call("ada", "get", f"{SPARE}/inventory")
    call("ada", "post", f"{SPARE}/retirement", {"reason": "Replaced."})
    call("ada", "post", f"{SPARE}/retirement/withdraw", {"comment": "Too early."})
    call("ada", "post", f"{SPARE}/retirement", {"reason": "Replaced."})
    call("ada", "get", f"{SPARE}/retirement")
    call("ops", "post", f"{SPARE}/retirement/decision", {"approve": True, "comment": "Yes."})
    call("ada", "get", f"{SPARE}/retirement")
    call("ada", "get", f"{SPARE}/retirement/evidence")
    for path in ("inventory", "inventory/export", "inventory/export?form=json"):
        call("ada", "get", path)


def lineage(call: Caller) -> None:
    nodes = call("ada", "get", "lineage/nodes?kind=dataset_version")["nodes"]
    data, model = nodes[0]["urn"], "model-version:fraud/1"
    for path in ("ancestors", "descendants", "graph", "impact", "impact.csv"):
        call("ada", "get", f"lineage/{data}/{path}")
    name = data.partition(":")[2].rpartition("/")[0]
    call("ada", "get", f"datasets/{name}/impact")
    call("ada", "get", f"datasets/{name}/impact.csv")
    call("ada", "get", f"lineage/path?from={data}&to={model}")
    edge = {"source": "dataset-version:raw/1", "target": data, "relation": "DERIVED_FROM"}
    made = call("ada", "post", "lineage/edges", edge)
    call("ada", "post", f"lineage/edges/{made['id']}/retract", {"reason": "Wrong."})
    why = {"dataset_version": data, "reason": "Labels leak."}
    call("ops", "post", "lineage/quarantines", why)
    call("ada", "get", "lineage/quarantines")
    call("ops", "post", "lineage/quarantines/release", why)
    call("ada", "get", "lineage/quarantines?state=released")
    for slash in ("", "/"):
        call("ada", "post", f"lineage{slash}", EVENT)
        call("ada", "post", f"lineage/batch{slash}", [EVENT, {"eventType": "COMPLETE"}])
        call("ada", "get", f"lineage{slash}?nodeId=job:etl:daily")
    call("ada", "get", "events/lineage")
    described = call("ada", "post", "lineage/croissant", document_of_orders("orders", "v7", "a"))
    call("ada", "get", f"lineage/croissant?{urlencode({'dataset_version': described['dataset_version']})}")
    names(call)
    suggestions(call)


def names(call: Caller) -> None:
    """List and separate two names of a dataset that an event joined."""
    link = {"identifiers": [{"namespace": "s3://lake", "name": "orders", "type": "TABLE"}]}
    call("ada", "post", "lineage", event("COMPLETE", 1, run=8, inputs=[table("orders", symlinks=link)]))
    (row,) = call("ada", "get", "lineage/names?dataset=dataset:s3:%252F%252Flake%252Forders")["names"]
    body = {"dataset": row["dataset"], "other": row["other"], "reason": "Two tables."}
    call("ops", "post", "lineage/names/separate", body)


def suggestions(call: Caller) -> None:
    """Decide on the edges that are suggested for two runs that read a table which another run wrote."""
    orders = [table("orders")]
    written = event("COMPLETE", 1, run=1, outputs=orders)
    read = [event("COMPLETE", 9, run=run, inputs=orders) for run in (3, 4)]
    call("ada", "post", "lineage/batch", [written, *read])
    for run, verb in ((3, "confirm"), (4, "reject")):
        (edge,) = call("ada", "get", f"lineage/suggestions?node=run:{RUN.format(run)}")["suggestions"]
        body = {key: edge[key] for key in ("source", "target", "method")} | {"reason": "I was there."}
        call("ada", "post", f"lineage/suggestions/{verb}", body)


def policy_changes(call: Caller) -> None:
    call("ada", "get", "policies")
    call("ada", "get", "policies/schema")
    name = call("ada", "get", "policies")["policies"][0]["name"]
    body = call("ada", "get", f"policies/{name}")["body"]
    call("ada", "get", f"policies/{name}?format=yaml")
    draft = {**DEFAULT_POLICIES[1], "options": {"expires_after": "7d"}}
    call("ada", "post", "policies/dry-run", {"policy": draft, "model": "fraud", "version": 2})
    call("ops", "post", "policies/replay", {"policy": draft})
    for number, (decision, by) in enumerate((("approve", "bea"), ("reject", "bea"), ("withdraw", "cy"))):
        changed = {**body, "options": {**body.get("options", {}), "expires_after": f"{number + 3}d"}}
        made = call("cy", "post", "policies/proposals", {"policy": changed, "comment": "Why."})
        said = {"comment": "Read."} | ({"seen_digest": made["digest"]} if by == "bea" else {})
        call(by, "post", f"policies/proposals/{made['id']}/{decision}", said)
        call("ada", "get", f"policies/proposals/{made['id']}")
    call("ada", "get", "policies/proposals")


def audit_log(call: Caller) -> None:
    call("ops", "get", "status")
    call("ops", "get", "audit/events")
    call("ops", "get", "audit/events?model=fraud")
    export = call("ops", "post", "audit/exports", {"model": "fraud"})["id"]
    audit_tasks.build_export(export)
    call("ops", "get", "audit/export?model=fraud")  # the same export: no worker runs here
    call("ops", "get", f"audit/exports/{export}")
    call("ops", "get", f"audit/exports/{export}/file")
    questions: dict[str, dict[str, object]] = {
        "approvals": {"model": "fraud", "version": 1},
        "approvers": {"model": "fraud", "date": "2026-11-30", "target": "Production"},
        "exceptions": {"quarter": "2026-Q4"},
        "production": {"date": "2026-11-30"},
    }
    for code, asked in questions.items():
        call("ops", "get", f"audit/questions/{code}?{urlencode(asked)}")
        call("ops", "post", f"audit/questions/{code}", asked | {"form": "json"})


@pytest.mark.django_db
def test_every_operation_answers_what_the_document_declares(
    call: Caller, new_version: NewVersion, by_ada: Actor, run_checks: RunChecks
) -> None:
    publish(rules=(REVIEWERS, FOUR_EYES, SOFT_CARD, SCAN), re_review_every="30d", break_glass={"groups": ["incident"]})
    new_version(card=False)
    new_version()
    create_model(actor=by_ada, name="spare")
    registry(call)
    requests(call, run_checks)
    production(call, run_checks)
    for story in (cards, grants, oversight, inventory, lineage, checks, policy_changes, audit_log):
        story(call)
    declared = {f"{method} {path}" for path, one in document()["paths"].items() for method in set(one) & set(METHODS)}
    assert sorted(declared - call.carried_out) == sorted(UNTRIED)
