"""Earlier approvals of versions that were at a target before, and whether they are still valid.

The approval of an applied promotion or rollback is valid while no later request was rejected, the files are those that
were reviewed, people have not rewritten the card, no critical finding is open, no ancestor is quarantined, and no
re-review that blocks is overdue. A break-glass move was never approved, so a rollback does not go back to it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone

from approvals.case.finding_facts import findings_by_version
from approvals.case.origins import ancestries_of
from approvals.case.re_review_dates import blocked_since
from approvals.case.rewritten_cards import rewritten_cards
from approvals.models import Decision, RequestState, Review, TransitionRequest
from core.canonical import digest_of
from policies.request_kinds import RequestKind
from policies.rules import Severity
from policies.targets import is_alias
from registry.models import ModelVersion, RegisteredModel
from registry.payload_queries import origins_of

_APPROVED_KINDS = (RequestKind.PROMOTION.value, RequestKind.ROLLBACK.value)


@dataclass(frozen=True, slots=True)
class EarlierApproval:
    """An earlier approval of a version for a target.

    ``left_at`` is when the version left the target, as far as is known. ``request_id`` is the request that was
    approved: the last promotion, or the last rollback where there was no promotion. ``obstacle`` is the reason why the
    approval is no longer valid, "" while it is valid.
    """

    left_at: datetime
    request_id: int
    obstacle: str = ""


def approval_of(request_id: int) -> tuple[tuple[str, ...], datetime | None]:
    """Return the usernames of the approvers of a request, sorted, and the time of the last approval; one query."""
    rows = Review.objects.filter(request=request_id, decision=Decision.APPROVE)
    approvals = list(rows.values_list("reviewer__username", "given_at"))
    return tuple(sorted({name for name, _ in approvals})), max((at for _, at in approvals), default=None)


def earlier_approvals(requests: Sequence[TransitionRequest]) -> dict[int, EarlierApproval]:
    """Return the earlier approval that each rollback relies on, by request id; a fixed number of queries.

    Requests of other kinds, and rollbacks whose version was never at the target, are left out.
    """
    rollbacks = {(row.version_id, row.target): row for row in requests if row.kind == RequestKind.ROLLBACK}
    earlier = _earlier_approvals({key: row.version for key, row in rollbacks.items()})
    return {rollbacks[key].pk: approval for key, approval in earlier.items()}


def versions_previously_at(model: RegisteredModel, target: str) -> list[tuple[ModelVersion, EarlierApproval]]:
    """Return the versions of a model that were at a target before, with their approvals, the last to leave first."""
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


def _earlier_approvals(versions: Mapping[tuple[int, str], ModelVersion]) -> dict[tuple[int, str], EarlierApproval]:
    if not versions:
        return {}
    closed = TransitionRequest.objects.filter(
        version__model__in={version.model_id for version in versions.values()},
        target__in={target for _, target in versions},
        state__in=[RequestState.APPLIED, RequestState.REJECTED],
    )
    rows = list(closed.select_related("version").order_by("closed_at", "pk"))
    applied: dict[tuple[int, str], TransitionRequest] = {}
    promoted: dict[tuple[int, str], TransitionRequest] = {}
    rejected: dict[tuple[int, str], TransitionRequest] = {}
    for row in rows:
        key = (row.version_id, row.target)
        if row.state == RequestState.REJECTED:
            rejected[key] = row
        elif row.kind in _APPROVED_KINDS:
            applied[key] = row
            rejected.pop(key, None)
            if row.kind == RequestKind.PROMOTION:
                promoted[key] = row
    entered = [(row.version.model_id, row.target, row.closed_at) for row in rows if row.state == RequestState.APPLIED]
    facts = _Facts.read([version for key, version in versions.items() if key in applied], (applied | promoted).values())
    return {
        key: EarlierApproval(
            _left_at(version, applied[key], entered),
            promoted.get(key, applied[key]).pk,
            _obstacle(version, promoted.get(key, applied[key]), rejected.get(key), facts),
        )
        for key, version in versions.items()
        if key in applied
    }


@dataclass(frozen=True, slots=True)
class _Facts:
    """The facts that were read for all versions at once.

    By request id: ``artifacts``, the reviewed artifact digests, and ``rewritten``, when people rewrote the card since.
    By version id: ``critical``, the id of an open critical finding, and ``overdue``, the id of the finding of an
    overdue condition. ``blocked`` are the ids of the versions whose overdue re-review blocks, ``tainted`` of those with
    a quarantined ancestor.
    """

    artifacts: Mapping[int, frozenset[str]]
    critical: Mapping[int, int]
    blocked: frozenset[int]
    tainted: frozenset[int]
    rewritten: Mapping[int, datetime]
    overdue: Mapping[int, int]

    @classmethod
    def read(cls, versions: Sequence[ModelVersion], applied: Collection[TransitionRequest]) -> _Facts:
        """Read the facts of these versions and of the requests that were applied; a fixed number of queries."""
        artifacts: dict[int, set[str]] = {}
        reviews = Review.objects.filter(request__in=[row.pk for row in applied], decision=Decision.APPROVE)
        for request_id, parts in reviews.values_list("request_id", "subject_parts"):
            if "artifact" in parts:
                artifacts.setdefault(request_id, set()).add(parts["artifact"])
        findings = findings_by_version(versions)
        critical = {
            pk: row.finding_id for pk, rows in findings.items() for row in rows if row.severity is Severity.CRITICAL
        }
        now = timezone.now()
        overdue = {
            pk: row.finding_id
            for pk, rows in findings.items()
            for row in rows
            if row.blocks_from and row.blocks_from <= now
        }
        reviewed = {pk: frozenset(digests) for pk, digests in artifacts.items()}
        rewritten = rewritten_cards(applied)
        return cls(reviewed, critical, blocked_versions(versions), _tainted(versions), rewritten, overdue)


def _tainted(versions: Sequence[ModelVersion]) -> frozenset[int]:
    """Return the ids of the versions among these that have a quarantined ancestor, as far as the graph knows."""
    ancestries = ancestries_of(versions, origins_of(row.pk for row in versions))
    return frozenset(pk for pk, ancestry in ancestries.items() if ancestry.quarantined)


def blocked_versions(versions: Sequence[ModelVersion], at: datetime | None = None) -> frozenset[int]:
    """Return the ids of the versions among these whose overdue re-review blocks at ``at``, by default now."""
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
    return _card_obstacle(applied, facts) or _obstacle_today(version, facts)


def _card_obstacle(applied: TransitionRequest, facts: _Facts) -> str:
    written = facts.rewritten.get(applied.pk)
    if written is None:
        return ""
    return f"Its card was rewritten on {written.astimezone(UTC):%Y-%m-%d}, after the approval."


def _obstacle_today(version: ModelVersion, facts: _Facts) -> str:
    if version.pk in facts.overdue:
        return f"A condition of its approval is overdue (finding #{facts.overdue[version.pk]})."
    if version.pk in facts.critical:
        return f"The critical finding #{facts.critical[version.pk]} is open."
    if version.pk in facts.tainted:
        return "An ancestor is quarantined."
    if version.pk in facts.blocked and version.review_due_at is not None:
        since = f"{version.review_due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return f"The re-review of {version} has been overdue since {since}."
    return ""


def _left_at(
    version: ModelVersion, applied: TransitionRequest, entered: Sequence[tuple[int, str, datetime | None]]
) -> datetime:
    """Return the time when a version was superseded, moved, or replaced at an alias.

    Where none of these is known, return when it arrived at the target.
    """
    arrived_at = applied.closed_at or applied.opened_at
    if is_alias(applied.target):
        arrivals = [at for model, target, at in entered if (model, target) == (version.model_id, applied.target) and at]
        return min((at for at in arrivals if at > arrived_at), default=arrived_at)
    if version.superseded_at is not None:
        return version.superseded_at
    moved_at = version.staged_at if version.stage != applied.target else None
    return max(arrived_at, moved_at) if moved_at is not None else arrived_at
