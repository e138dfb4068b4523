"""When what is in place has to be reviewed again: read off the approval, the last re-review and the policies of today.

In place is the current Production version, and what a protected alias points to. A version in several places has one date,
the earliest; whoever reviews it again does so for all of them.
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
from policies.parsing import is_alias
from policies.rules import ReReviewOption
from registry.models import Alias, ModelVersion
from registry.stages import Stage

_WEIGHT = ("warn", "flag", "block")


@dataclass(frozen=True, slots=True)
class ReReviewDue:
    """Where a version is, by a policy that wants it reviewed again: ``due_at`` counts from the approval or the last re-review."""

    target: str
    policy: LoadedPolicy
    option: ReReviewOption
    due_at: datetime


def re_reviews_due(
    versions: Sequence[ModelVersion], policies: Sequence[LoadedPolicy] | None = None
) -> dict[int, list[ReReviewDue]]:
    """Return where each version is that a policy of today wants reviewed again, by id; a fixed number of queries."""
    active = active_policies() if policies is None else policies
    if not versions or not any(policy.body.options.re_review for policy in active):
        return {}
    targets = _targets(versions)
    facts = model_facts({version.model_id: version.model for version in versions}.values())
    last, arrived = _last_reviews(versions), _arrivals(versions)
    found: dict[int, list[ReReviewDue]] = {}
    for version in versions:
        for target in targets[version.pk]:
            policy = governing_policy(active, facts[version.model_id], target)
            option = re_review_option(policy)
            if policy is not None and option is not None:
                since = arrived.get((version.pk, target)) if is_alias(target) else _approved(version)
                begun = [at for at in (since or _registered(version), last.get(version.pk)) if at is not None]
                place = ReReviewDue(target, policy, option, max(begun) + option.every)
                found.setdefault(version.pk, []).append(place)
    return found


def places_asking(version: ModelVersion) -> list[ReReviewDue]:
    """Return the places that ask for a re-review of a version; of one that has left them all, Production."""
    if found := re_reviews_due([version]).get(version.pk):
        return found
    policy = policy_for(version.model, Stage.PRODUCTION)
    option = re_review_option(policy)
    if policy is None or option is None or version.review_due_at is None:
        return []
    return [ReReviewDue(Stage.PRODUCTION.value, policy, option, version.review_due_at)]


def _targets(versions: Sequence[ModelVersion]) -> dict[int, list[str]]:
    found = {version.pk: [Stage.PRODUCTION.value] if version.is_current else [] for version in versions}
    for version_id, name in Alias.objects.filter(version__in=found).order_by("name").values_list("version", "name"):
        found[version_id].append(f"@{name}")
    return found


def _last_reviews(versions: Sequence[ModelVersion]) -> Mapping[int, datetime]:
    rows = ReReview.objects.filter(version__in=[version.pk for version in versions])
    return dict(rows.values("version").annotate(last=Max("given_at")).values_list("version", "last"))


def _arrivals(versions: Sequence[ModelVersion]) -> dict[tuple[int, str], datetime]:
    """Return when a request last brought each version to an alias."""
    rows = TransitionRequest.objects.filter(
        version__in=[version.pk for version in versions], target__startswith="@", state=RequestState.APPLIED
    )
    last = rows.values("version", "target").annotate(last=Max("closed_at")).values_list("version", "target", "last")
    return {(version_id, target): at for version_id, target, at in last if at is not None}


def _approved(version: ModelVersion) -> datetime | None:
    return version.approved_at or version.staged_at


def _registered(version: ModelVersion) -> datetime:
    """Return what is counted from where nobody ever asked: the alias is older than its policy."""
    return from_ms(version.created_ms)


def due_dates(versions: Sequence[ModelVersion]) -> dict[int, datetime | None]:
    """Return when each version has to be reviewed again, None for never, by id; a fixed number of queries."""
    places = re_reviews_due(versions)
    return {
        version.pk: min((place.due_at for place in places.get(version.pk, ())), default=None) for version in versions
    }


def blocked_since(
    versions: Sequence[ModelVersion], policies: Sequence[LoadedPolicy] | None = None
) -> dict[int, datetime]:
    """Return from when on each version is not promoted again, by id, of those whose policy blocks what is overdue.

    A version that has left every place keeps its date, and what the policy for Production says of it.
    """
    active = active_policies() if policies is None else policies
    dated = [version for version in versions if version.review_due_at is not None]
    if not dated or not any(_blocks(re_review_option(policy)) for policy in active):
        return {}
    places = re_reviews_due(dated, active)
    facts = model_facts({version.model_id: version.model for version in dated}.values())
    found: dict[int, datetime] = {}
    for version in dated:
        if here := places.get(version.pk):
            since = min((place.due_at for place in here if _blocks(place.option)), default=None)
        else:
            option = re_review_option(governing_policy(active, facts[version.model_id], Stage.PRODUCTION))
            since = version.review_due_at if _blocks(option) else None
        if since is not None:
            found[version.pk] = since
    return found


def strictest_consequence(places: Sequence[ReReviewDue], now: datetime) -> str:
    """Return what follows from being overdue: the most that a place says whose date has passed."""
    said = [place.option.when_due for place in places if place.due_at <= now]
    return max(said, key=_WEIGHT.index, default="warn")


def _blocks(option: ReReviewOption | None) -> bool:
    return option is not None and option.when_due == "block"


def re_review_option(policy: LoadedPolicy | None) -> ReReviewOption | None:
    """Return what a policy says of reviewing again."""
    return policy.body.options.re_review if policy else None


def versions_to_schedule() -> list[ModelVersion]:
    """Return every version that needs a date, or has one for no reason any more, with its model.

    What was in Production once keeps the date it left with: it is not promoted again without a re-review that is overdue.
    """
    wanted = {policy.body.target[1:] for policy in active_policies() if policy.body.options.re_review}
    was_there = TransitionRequest.objects.filter(
        version=OuterRef("pk"), target=Stage.PRODUCTION, state=RequestState.APPLIED
    )
    left_over = Q(review_due_at__isnull=False, superseded_at__isnull=True, stage__in=(Stage.NONE, Stage.STAGING))
    places = Q(is_current=True) | Q(aliases__name__in=wanted) | (left_over & ~Exists(was_there))
    rows = ModelVersion.objects.filter(places, deleted_at__isnull=True, model__deleted_at__isnull=True)
    return list(rows.select_related("model").distinct().order_by("pk"))


def unrecorded_overdue(now: datetime) -> list[ModelVersion]:
    """Return what is in place whose date has passed without anybody having said so yet; a fixed number of queries."""
    return without_overdue_event(versions_to_schedule(), now)


def without_overdue_event(versions: Sequence[ModelVersion], now: datetime) -> list[ModelVersion]:
    """Return those of these versions whose date has passed without anybody having said so since."""
    due = [row for row in versions if row.review_due_at is not None and row.review_due_at <= now]
    events = Event.objects.filter(
        action=Action.APPROVALS_RE_REVIEW_FELL_DUE, stream__in=[model_stream(row.model_id) for row in due]
    )
    said: dict[tuple[str, str], datetime] = {}
    for stream, ref, at in events.order_by("id").values_list("stream", "object_ref", "at"):
        said[stream, ref.rpartition("/")[2]] = at
    return [row for row in due if not _said_since(said.get((model_stream(row.model_id), str(row.version))), row)]


def _said_since(said: datetime | None, version: ModelVersion) -> bool:
    return said is not None and version.review_due_at is not None and said >= version.review_due_at


def re_reviews_of(version: ModelVersion) -> list[ReReview]:
    """Return the re-reviews of a version, newest first, with their reviewers."""
    return list(ReReview.objects.filter(version=version).select_related("reviewer").order_by("-given_at", "-pk"))
