"""Whether a version was at a target before, on an approval that still stands.

It stands when a promotion or rollback was carried out there, no later request was rejected, the files are those that were
reviewed, no critical finding is open, nothing it descends from is quarantined, and it is not overdue for a re-review that
blocks. What broke the glass was never approved, and is nothing to go back to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone

from approvals.case.finding_facts import findings_by_version
from approvals.case.re_review_dates import blocked_since
from approvals.models import Decision, RequestState, Review, TransitionRequest
from core.canonical import digest_of
from core.refs import version_ref
from lineage.quarantine import taints
from policies.parsing import is_alias
from policies.request_kinds import RequestKind
from policies.rules import Severity
from registry.models import ModelVersion, RegisteredModel

_APPROVED_KINDS = (RequestKind.PROMOTION.value, RequestKind.ROLLBACK.value)


@dataclass(frozen=True, slots=True)
class EarlierApproval:
    """When the version left the target (as well as is known), and why its approval no longer stands, "" where it does."""

    left_at: datetime
    obstacle: str = ""


def earlier_approvals(requests: Sequence[TransitionRequest]) -> dict[int, EarlierApproval]:
    """Return, for each rollback whose version was at its target before, when it left and whether its approval stands.

    A fixed number of queries for all requests.
    """
    asked = {(row.version_id, row.target): row for row in requests if row.kind == RequestKind.ROLLBACK}
    found = _earlier_approvals({key: row.version for key, row in asked.items()})
    return {asked[key].pk: earlier for key, earlier in found.items()}


def versions_once_at(model: RegisteredModel, target: str) -> list[tuple[ModelVersion, EarlierApproval]]:
    """Return every version of a model that was at a target before, the last one to leave first."""
    rows = model.versions.filter(
        deleted_at__isnull=True,
        transition_requests__target=target,
        transition_requests__state=RequestState.APPLIED,
        transition_requests__kind__in=_APPROVED_KINDS,
    )
    versions = {row.pk: row for row in rows.select_related("model").distinct()}
    found = _earlier_approvals({(pk, target): row for pk, row in versions.items()})
    pairs = [(versions[pk], earlier) for (pk, _), earlier in found.items()]
    return sorted(pairs, key=lambda pair: (pair[1].left_at, pair[0].version), reverse=True)


def _earlier_approvals(wanted: Mapping[tuple[int, str], ModelVersion]) -> dict[tuple[int, str], EarlierApproval]:
    if not wanted:
        return {}
    closed = TransitionRequest.objects.filter(
        version__model__in={version.model_id for version in wanted.values()},
        target__in={target for _, target in wanted},
        state__in=[RequestState.APPLIED, RequestState.REJECTED],
    )
    rows = list(closed.select_related("version").order_by("closed_at", "pk"))
    applied: dict[tuple[int, str], TransitionRequest] = {}
    rejected: dict[tuple[int, str], TransitionRequest] = {}
    for row in rows:
        key = (row.version_id, row.target)
        if row.state == RequestState.REJECTED:
            rejected[key] = row
        elif row.kind in _APPROVED_KINDS:
            applied[key] = row
            rejected.pop(key, None)
    entered = [(row.version.model_id, row.target, row.closed_at) for row in rows if row.state == RequestState.APPLIED]
    facts = _Facts.read([version for key, version in wanted.items() if key in applied], applied.values())
    return {
        key: EarlierApproval(
            _left_at(version, applied[key], entered), _obstacle(version, applied[key], rejected.get(key), facts)
        )
        for key, version in wanted.items()
        if key in applied
    }


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was read for all versions at once: reviewed artifacts by request, critical findings, versions that are blocked."""

    artifacts: Mapping[int, frozenset[str]]
    critical: Mapping[int, int]
    blocked: frozenset[int]
    tainted: frozenset[int]

    @classmethod
    def read(cls, versions: Sequence[ModelVersion], applied: Iterable[TransitionRequest]) -> _Facts:
        artifacts: dict[int, set[str]] = {}
        reviews = Review.objects.filter(request__in=[row.pk for row in applied], decision=Decision.APPROVE)
        for request_id, parts in reviews.values_list("request_id", "subject_parts"):
            if "artifact" in parts:
                artifacts.setdefault(request_id, set()).add(parts["artifact"])
        found = findings_by_version((version.pk, version.model_id) for version in versions)
        critical = {
            pk: row.finding_id for pk, rows in found.items() for row in rows if row.severity is Severity.CRITICAL
        }
        reviewed = {pk: frozenset(seen) for pk, seen in artifacts.items()}
        return cls(reviewed, critical, blocked_versions(versions), _tainted(versions))


def _tainted(versions: Sequence[ModelVersion]) -> frozenset[int]:
    """Return those of these versions that descend from quarantined data, as far as the graph knows."""
    urns = {row.pk: version_ref(row.model.name, row.version) for row in versions}
    found = taints(sorted(set(urns.values())))
    return frozenset(pk for pk, urn in urns.items() if found[urn].quarantines)


def blocked_versions(versions: Sequence[ModelVersion], at: datetime | None = None) -> frozenset[int]:
    """Return those of these versions that are overdue for a re-review which, by the policy of today, blocks."""
    now = at or timezone.now()
    return frozenset(pk for pk, since in blocked_since(versions).items() if since <= now)


def _obstacle(
    version: ModelVersion, applied: TransitionRequest, rejected: TransitionRequest | None, facts: _Facts
) -> str:
    if rejected is not None:
        return f"It was rejected since (request #{rejected.pk})."
    reviewed = facts.artifacts.get(applied.pk, frozenset())
    if reviewed and digest_of(version.artifact_digest) not in reviewed:
        return "Its files are no longer those that were approved."
    if version.pk in facts.critical:
        return f"A critical finding is open (#{facts.critical[version.pk]})."
    if version.pk in facts.tainted:
        return "Data it descends from are quarantined."
    if version.pk in facts.blocked and version.review_due_at is not None:
        return f"It is due to be reviewed again since {version.review_due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC."
    return ""


def _left_at(
    version: ModelVersion, applied: TransitionRequest, entered: Sequence[tuple[int, str, datetime | None]]
) -> datetime:
    """Return when a version left a target: superseded, moved on, or when the next one entered; else when it entered."""
    came = applied.closed_at or applied.opened_at
    if is_alias(applied.target):
        after = [at for model, target, at in entered if (model, target) == (version.model_id, applied.target) and at]
        return min((at for at in after if at > came), default=came)
    if version.superseded_at is not None:
        return version.superseded_at
    moved = version.staged_at if version.stage != applied.target else None
    return max(came, moved) if moved is not None else came
