"""A small policy of one's own for `fraud`, and the short ways to ask, approve and apply under it."""

from __future__ import annotations

from collections.abc import Sequence

from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import RequestState, TransitionRequest
from approvals.requests.open import open_request
from approvals.requests.review import decide_request
from core.actors import Actor
from policies.models import PolicyRevision
from policies.request_kinds import RequestKind
from registry.models import ModelVersion
from registry.stages import Stage
from tests.approvals.conftest import RunChecks, reread
from tests.approvals.publishing import publish_policy

Json = dict[str, object]
REVIEWERS: Json = {"id": "reviewers", "level": "hard", "approvals": {"count": 1, "groups": ["reviewers"]}}
FOUR_EYES: Json = {"id": "four-eyes", "level": "hard", "four_eyes": ["requester", "version_author", "run_user"]}
NO_FINDINGS: Json = {"id": "no-findings", "level": "hard", "no_findings": {"severity": "high"}}


def publish(
    target: str = "Production",
    *more: Json,
    rules: Sequence[Json] = (REVIEWERS, FOUR_EYES),
    models: str = "fraud",
    scope: Json | None = None,
    **options: object,
) -> PolicyRevision:
    """Publish the next revision of the policy that governs moves of `fraud` to a target."""
    body = {
        "name": f"{models.strip('*') or 'all'}-{target.strip('@').lower()}",
        "applies_to": {"target": target, "models": models, **(scope or {})},
        "rules": [*rules, *more],
        "options": options,
    }
    return publish_policy(body=body)


def ask(actor: Actor, version: ModelVersion, target: str = "Production", **more: object) -> TransitionRequest:
    """Open a request, archiving what is there where that can be."""
    archive = {} if target.startswith("@") else {"archive_existing": True}
    fields = {"archive_existing": False, **archive, **more}
    return open_request(actor=actor, name=version.model.name, version=version.version, target=target, **fields)  # type: ignore[arg-type]  # a test's own fields


def approve(reviewer: Actor, request: TransitionRequest) -> TransitionRequest:
    """Approve what is asked for now."""
    digest = load_case(reread(request)).snapshot.subject_digest
    decide_request(actor=reviewer, request_id=request.pk, decision="approve", comment="Good.", seen_digest=digest)
    return reread(request)


def promote(
    asker: Actor, reviewer: Actor, version: ModelVersion, target: str = "Production", **more: object
) -> TransitionRequest:
    """Ask, approve and apply under a policy without checks."""
    request = approve(reviewer, ask(asker, version, target, **more))
    assert tasks.apply_request(request.pk) == "applied"
    return reread(request)


def emergency(
    actor: Actor, version: ModelVersion, run_checks: RunChecks, target: str = "Production"
) -> TransitionRequest:
    """Ask that the glass be broken; its one check has run."""
    request = ask(actor, version, target, kind=RequestKind.BREAK_GLASS, comment="Fraud wave.", archive_existing=False)
    run_checks(request)
    return reread(request)


def stage_of(number: int) -> tuple[str, bool]:
    """Return where a version of `fraud` is: its stage, and whether it is current."""
    row = ModelVersion.objects.get(model__name="fraud", version=number)
    return row.stage, row.is_current


def is_applied(request: TransitionRequest) -> bool:
    return reread(request).state == RequestState.APPLIED


PRODUCTION = (Stage.PRODUCTION.value, True)
