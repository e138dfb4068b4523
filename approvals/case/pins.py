"""Pins: copies of the facts of a run, made when its version is promoted and when a request for the version is closed.

Without a promotion pin, anybody who may log to the run of the Production version could lower what the next version has
to reach. A closing pin shows a closed request with the facts that its reviewers saw.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from approvals.case.run_facts import load_run_facts
from approvals.models import ClosingPin, PromotionPin, TransitionRequest
from policies.request_kinds import RequestKind
from registry.models import ModelVersion
from validation.base import RunFacts


def pin_facts(*, version: ModelVersion, target: str, event_id: uuid.UUID) -> None:
    """Pin the facts of a version's run at a target, once for each event. A version without a run gets no pin.

    A rollback or a break-glass move compares nothing, so it keeps the facts of the earlier promotion.
    """
    if not version.run_id or PromotionPin.objects.filter(event_id=event_id).exists():
        return
    facts = _facts_to_keep(version, target)
    if facts is None:
        run = load_run_facts([version.run_id]).get(version.run_id)
        if run is None:
            return
        facts = _as_json(run)
    PromotionPin(version=version, target=target, event_id=event_id, facts=facts).save()


def pin_at_close(request: TransitionRequest) -> None:
    """Pin the facts of the candidate's run for a request that is being closed."""
    run_id = request.version.run_id
    run = load_run_facts([run_id]).get(run_id) if run_id else None
    if run is not None:
        ClosingPin(request=request, facts=_as_json(run)).save()


def candidate_at_close(request: TransitionRequest) -> RunFacts | None:
    """Return the facts of the candidate's run when a request was closed; None for one that is open or has no pin."""
    pin = ClosingPin.objects.filter(request=request).first() if request.closed_at else None
    return _from_json(pin.facts) if pin else None


def pinned_runs(versions: Iterable[ModelVersion]) -> dict[tuple[int, str], RunFacts]:
    """Return the newest pinned facts of each version, by version id and target; one query."""
    rows = PromotionPin.objects.filter(version__in={version.pk for version in versions}).order_by("pk")
    return {(row.version_id, row.target): _from_json(row.facts) for row in rows}


def facts_of_pin(pin: PromotionPin) -> RunFacts:
    """Return the facts that a pin holds."""
    return _from_json(pin.facts)


def _facts_to_keep(version: ModelVersion, target: str) -> dict[str, Any] | None:
    """Return the facts of the newest pin, if the last request was a rollback or break-glass; None otherwise."""
    earlier = PromotionPin.objects.filter(version=version, target=target).order_by("-pk").first()
    request = TransitionRequest.objects.filter(version=version, target=target).order_by("-pk").first()
    is_promotion = request is None or request.kind == RequestKind.PROMOTION
    return None if earlier is None or is_promotion else dict(earlier.facts)


def _as_json(run: RunFacts) -> dict[str, Any]:
    return asdict(run) | {"measured_on": {key: list(data) for key, data in run.measured_on.items()}}


def _from_json(facts: Mapping[str, Any]) -> RunFacts:
    return RunFacts(
        **{
            **facts,
            "writers": tuple(facts["writers"]),
            "unusable": tuple(facts["unusable"]),
            "datasets": tuple((name, digest, context) for name, digest, context in facts["datasets"]),
            "measured_on": {key: (name, digest) for key, (name, digest) in facts["measured_on"].items()},
        }
    )
