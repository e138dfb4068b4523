"""Whether a version was at a target before, and whether that approval is still valid.

The approval of an applied promotion or rollback is valid while no later request was rejected, the files are those that
were reviewed, no critical finding is open, no ancestor is quarantined, and no re-review that blocks is overdue. A
break-glass move was never approved, so a rollback does not go back to it.
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
    """When a version left a target (as far as is known), and why its approval is no longer valid, "" where it is."""

    left_at: datetime
    obstacle: str = ""


def earlier_approvals(requests: Sequence[TransitionRequest]) -> dict[int, EarlierApproval]:
    """Return the earlier approval behind each rollback, by request id; a fixed number of queries.

    Left out are other kinds of request, and rollbacks whose version was never at the target.
    """
    rollbacks = {(row.version_id, row.target): row for row in requests if row.kind == RequestKind.ROLLBACK}
    earlier = _earlier_approvals({key: row.version for key, row in rollbacks.items()})
    return {rollbacks[key].pk: approval for key, approval in earlier.items()}


def versions_once_at(model: RegisteredModel, target: str) -> list[tuple[ModelVersion, EarlierApproval]]:
    """Return each version of a model that was at a target before, with that approval; the last one to leave first."""
    rows = model.versions.filter(
        deleted_at__isnull=True,
        transition_requests__target=target,
        transition_requests__state=RequestState.APPLIED,
        transition_requests__kind__in=_APPROVED_KINDS,
    )
    versions = {row.pk: row for row in rows.select_related("model").distinct()}
    earlier = _earlier_approvals({(pk, target): row for pk, row in versions.items()})
    pairs = [(versions[pk], approval) for (pk, _), approval in earlier.items()]
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
    """What was read for all versions at once.

    ``artifacts`` are the reviewed artifact digests by request id, ``critical`` a critical finding by version id.
    """

    artifacts: Mapping[int, frozenset[str]]
    critical: Mapping[int, int]
    blocked: frozenset[int]
    tainted: frozenset[int]

    @classmethod
    def read(cls, versions: Sequence[ModelVersion], applied: Iterable[TransitionRequest]) -> _Facts:
        """Read the facts of these versions and of the requests that were applied; a fixed number of queries."""
        artifacts: dict[int, set[str]] = {}
        reviews = Review.objects.filter(request__in=[row.pk for row in applied], decision=Decision.APPROVE)
        for request_id, parts in reviews.values_list("request_id", "subject_parts"):
            if "artifact" in parts:
                artifacts.setdefault(request_id, set()).add(parts["artifact"])
        findings = findings_by_version((version.pk, version.model_id) for version in versions)
        critical = {
            pk: row.finding_id for pk, rows in findings.items() for row in rows if row.severity is Severity.CRITICAL
        }
        reviewed = {pk: frozenset(digests) for pk, digests in artifacts.items()}
        return cls(reviewed, critical, blocked_versions(versions), _tainted(versions))


def _tainted(versions: Sequence[ModelVersion]) -> frozenset[int]:
    """Return the ids of those of these versions that have a quarantined ancestor, as far as the graph knows."""
    urns = {row.pk: version_ref(row.model.name, row.version) for row in versions}
    tainted = taints(sorted(set(urns.values())))
    return frozenset(pk for pk, urn in urns.items() if tainted[urn].quarantines)


def blocked_versions(versions: Sequence[ModelVersion], at: datetime | None = None) -> frozenset[int]:
    """Return the ids of those of these versions with an overdue re-review that blocks, at a moment (now)."""
    now = at or timezone.now()
    return frozenset(pk for pk, since in blocked_since(versions).items() if since <= now)


def _obstacle(
    version: ModelVersion, applied: TransitionRequest, rejected: TransitionRequest | None, facts: _Facts
) -> str:
    if rejected is not None:
        return f"Request #{rejected.pk} for it was rejected since."
    reviewed = facts.artifacts.get(applied.pk, frozenset())
    if reviewed and digest_of(version.artifact_digest) not in reviewed:
        return "Its files have changed since the approval."
    if version.pk in facts.critical:
        return f"The critical finding #{facts.critical[version.pk]} is open."
    if version.pk in facts.tainted:
        return "An ancestor is quarantined."
    if version.pk in facts.blocked and version.review_due_at is not None:
        return f"Its re-review has been overdue since {version.review_due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC."
    return ""


def _left_at(
    version: ModelVersion, applied: TransitionRequest, entered: Sequence[tuple[int, str, datetime | None]]
) -> datetime:
    """Return when a version left a target: superseded, moved, or replaced at an alias.

    Where none of these is known, return when it came there.
    """
    came = applied.closed_at or applied.opened_at
    if is_alias(applied.target):
        after = [at for model, target, at in entered if (model, target) == (version.model_id, applied.target) and at]
        return min((at for at in after if at > came), default=came)
    if version.superseded_at is not None:
        return version.superseded_at
    moved = version.staged_at if version.stage != applied.target else None
    return max(came, moved) if moved is not None else came
