"""Due dates of re-reviews, computed from the approval, the last re-review and the policies of today.

A policy can ask for re-reviews of the current Production version and of versions that an alias points to. A version at
several targets has one date, the earliest, and one re-review confirms it for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, Max, OuterRef, Q

from approvals.models import RequestState, TransitionRequest
from approvals.models.oversight import ReReview
from audit.actions import Action
from audit.models import Event
from core.refs import model_stream
from core.times import from_ms
from policies.matching import LoadedPolicy, active_policies, governing_policy, model_facts, policy_for
from policies.rules import ReReviewOption
from policies.targets import is_alias
from registry.models import Alias, ModelVersion
from registry.stages import Stage

_CONSEQUENCES = ("warn", "flag", "block")  # from the mildest to the strictest


@dataclass(frozen=True, slots=True)
class ReReviewDue:
    """A re-review that a policy asks for, of a version at a target.

    ``due_at`` is one interval after the later of the approval and the last re-review.
    """

    target: str
    policy: LoadedPolicy
    option: ReReviewOption
    due_at: datetime


def re_reviews_due(
    versions: Sequence[ModelVersion], policies: Sequence[LoadedPolicy] | None = None
) -> dict[int, list[ReReviewDue]]:
    """Return the re-reviews that policies ask for, by version id; a fixed number of queries.

    ``policies`` are by default the active ones. Versions without a re-review are left out.
    """
    active = active_policies() if policies is None else policies
    if not versions or not any(policy.body.options.re_review for policy in active):
        return {}
    targets = _targets(versions)
    facts = model_facts({version.model_id: version.model for version in versions}.values())
    reviewed, arrived = _last_re_reviews(versions), _arrivals_at_aliases(versions)
    due: dict[int, list[ReReviewDue]] = {}
    for version in versions:
        for target in targets[version.pk]:
            policy = governing_policy(active, facts[version.model_id], target)
            option = re_review_option(policy)
            if policy is not None and option is not None:
                approved_at = arrived.get((version.pk, target)) if is_alias(target) else _approved_at(version)
                first = approved_at or _registered_at(version)
                starts = [at for at in (first, reviewed.get(version.pk)) if at is not None]
                due.setdefault(version.pk, []).append(ReReviewDue(target, policy, option, max(starts) + option.every))
    return due


def re_reviews_for(version: ModelVersion) -> list[ReReviewDue]:
    """Return the re-reviews of a version that active policies ask for.

    The policy for Production governs a version that has left every target but still has a due date.
    """
    if due := re_reviews_due([version]).get(version.pk):
        return due
    policy = policy_for(version.model, Stage.PRODUCTION)
    option = re_review_option(policy)
    if policy is None or option is None or version.review_due_at is None:
        return []
    return [ReReviewDue(Stage.PRODUCTION.value, policy, option, version.review_due_at)]


def _targets(versions: Sequence[ModelVersion]) -> dict[int, list[str]]:
    """Return the targets that each version is at, Production and aliases, by version id."""
    targets = {version.pk: [Stage.PRODUCTION.value] if version.is_current else [] for version in versions}
    for version_id, name in Alias.objects.filter(version__in=targets).order_by("name").values_list("version", "name"):
        targets[version_id].append(f"@{name}")
    return targets


def _last_re_reviews(versions: Sequence[ModelVersion]) -> Mapping[int, datetime]:
    rows = ReReview.objects.filter(version__in=[version.pk for version in versions])
    return dict(rows.values("version").annotate(last=Max("given_at")).values_list("version", "last"))


def _arrivals_at_aliases(versions: Sequence[ModelVersion]) -> dict[tuple[int, str], datetime]:
    """Return the time when a request last brought each version to an alias, by version id and alias."""
    rows = TransitionRequest.objects.filter(
        version__in=[version.pk for version in versions], target__startswith="@", state=RequestState.APPLIED
    )
    last = rows.values("version", "target").annotate(last=Max("closed_at")).values_list("version", "target", "last")
    return {(version_id, target): at for version_id, target, at in last if at is not None}


def _approved_at(version: ModelVersion) -> datetime | None:
    return version.approved_at or version.staged_at


def _registered_at(version: ModelVersion) -> datetime:
    """Return the time when a version was registered.

    The interval starts there for a version that no request brought to the alias, because the policy is newer.
    """
    return from_ms(version.created_ms)


def due_dates(versions: Sequence[ModelVersion]) -> dict[int, datetime | None]:
    """Return when each version is due for a re-review, None for never, by version id; a fixed number of queries."""
    due = re_reviews_due(versions)
    return {version.pk: min((row.due_at for row in due.get(version.pk, ())), default=None) for version in versions}


def blocked_since(
    versions: Sequence[ModelVersion], policies: Sequence[LoadedPolicy] | None = None
) -> dict[int, datetime]:
    """Return the time from which an overdue re-review blocks promotions of a version, by version id.

    Versions that are never blocked are left out. A version that has left every target keeps its due date, and the
    policy for Production governs it.
    """
    active = active_policies() if policies is None else policies
    dated = [version for version in versions if version.review_due_at is not None]
    if not dated or not any(_blocks(re_review_option(policy)) for policy in active):
        return {}
    due = re_reviews_due(dated, active)
    facts = model_facts({version.model_id: version.model for version in dated}.values())
    blocked: dict[int, datetime] = {}
    for version in dated:
        if re_reviews := due.get(version.pk):
            since = min((row.due_at for row in re_reviews if _blocks(row.option)), default=None)
        else:
            option = re_review_option(governing_policy(active, facts[version.model_id], Stage.PRODUCTION))
            since = version.review_due_at if _blocks(option) else None
        if since is not None:
            blocked[version.pk] = since
    return blocked


def strictest_consequence(due: Sequence[ReReviewDue], now: datetime) -> str:
    """Return the strictest consequence (warn, flag or block) among the overdue re-reviews, "warn" without any."""
    return max((row.option.when_due for row in due if row.due_at <= now), key=_CONSEQUENCES.index, default="warn")


def _blocks(option: ReReviewOption | None) -> bool:
    return option is not None and option.when_due == "block"


def re_review_option(policy: LoadedPolicy | None) -> ReReviewOption | None:
    """Return the re-review option of a policy, None without a policy or option."""
    return policy.body.options.re_review if policy else None


def versions_to_schedule() -> list[ModelVersion]:
    """Return every version that needs a due date, or has one that it no longer needs, with its model.

    A version that was once in Production keeps its due date, so that an overdue re-review blocks a new promotion of it.
    """
    aliases = {policy.body.target[1:] for policy in active_policies() if policy.body.options.re_review}
    was_in_production = TransitionRequest.objects.filter(
        version=OuterRef("pk"), target=Stage.PRODUCTION, state=RequestState.APPLIED
    )
    dated = Q(review_due_at__isnull=False, superseded_at__isnull=True, stage__in=(Stage.NONE, Stage.STAGING))
    needs_date = Q(is_current=True) | Q(aliases__name__in=aliases) | (dated & ~Exists(was_in_production))
    rows = ModelVersion.objects.filter(needs_date, deleted_at__isnull=True, model__deleted_at__isnull=True)
    return list(rows.select_related("model").distinct().order_by("pk"))


def unrecorded_overdue(now: datetime) -> list[ModelVersion]:
    """Return the versions whose re-review is overdue and not yet recorded as such; a fixed number of queries."""
    return without_overdue_event(versions_to_schedule(), now)


def without_overdue_event(versions: Sequence[ModelVersion], now: datetime) -> list[ModelVersion]:
    """Return the versions among these whose re-review is overdue at ``now``, with no event about it since the date."""
    overdue = [row for row in versions if row.review_due_at is not None and row.review_due_at <= now]
    events = Event.objects.filter(
        action=Action.APPROVALS_RE_REVIEW_FELL_DUE, stream__in=[model_stream(row.model_id) for row in overdue]
    )
    recorded: dict[tuple[str, str], datetime] = {}
    for stream, ref, at in events.order_by("id").values_list("stream", "object_ref", "at"):
        recorded[stream, ref.rpartition("/")[2]] = at
    return [
        row for row in overdue if not _is_recorded(recorded.get((model_stream(row.model_id), str(row.version))), row)
    ]


def _is_recorded(event_at: datetime | None, version: ModelVersion) -> bool:
    """Return whether the last event about an overdue re-review is not older than the due date."""
    return event_at is not None and version.review_due_at is not None and event_at >= version.review_due_at


def re_reviews_of(version: ModelVersion) -> list[ReReview]:
    """Return the re-reviews of a version, newest first, with their reviewers."""
    return list(ReReview.objects.filter(version=version).select_related("reviewer").order_by("-given_at", "-pk"))
