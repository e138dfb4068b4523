"""When what is in Production has to be reviewed again: read off the approval, the last re-review and the policy of today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Max

from approvals.governance import Governing, active_policies, governing, model_facts
from approvals.oversight import ReReview
from approvals.rules import ReReview as Option
from audit.actions import Action
from audit.models import Event
from audit.refs import model_stream
from registry.models import ModelVersion
from registry.stages import Stage


def production_policies(versions: Sequence[ModelVersion]) -> dict[int, Governing]:
    """Return the policy that governs Production now, by model id; models that none governs are left out."""
    policies = [policy for policy in active_policies() if policy.body.target == Stage.PRODUCTION]
    if not policies or not versions:
        return {}
    facts = model_facts({version.model_id: version.model for version in versions}.values())
    found = {pk: governing(policies, model, Stage.PRODUCTION) for pk, model in facts.items()}
    return {pk: policy for pk, policy in found.items() if policy is not None}


def due_dates(versions: Sequence[ModelVersion]) -> dict[int, datetime | None]:
    """Return when each version has to be reviewed again, None for never, by id; a fixed number of queries."""
    policies = production_policies(versions)
    last = dict(
        ReReview.objects.filter(version__in=[version.pk for version in versions])
        .values("version")
        .annotate(last=Max("given_at"))
        .values_list("version", "last")
    )
    return {
        version.pk: due_from(version, last.get(version.pk), option_of(policies.get(version.model_id)))
        for version in versions
    }


def option_of(policy: Governing | None) -> Option | None:
    """Return what a policy says of reviewing again."""
    return policy.body.options.re_review if policy else None


def due_from(version: ModelVersion, last: datetime | None, option: Option | None) -> datetime | None:
    """Return the due date: so long after the approval (or, without one, the move) or the last re-review, the later."""
    begun = [moment for moment in (version.approved_at or version.staged_at, last) if moment is not None]
    return max(begun) + option.every if option is not None and begun else None


def current_versions() -> list[ModelVersion]:
    """Return every current Production version with its model."""
    rows = ModelVersion.objects.filter(is_current=True, deleted_at__isnull=True, model__deleted_at__isnull=True)
    return list(rows.select_related("model").order_by("pk"))


def newly_overdue(now: datetime) -> list[ModelVersion]:
    """Return the current versions whose date has passed without anybody having said so yet; two queries."""
    return unsaid(current_versions(), now)


def unsaid(versions: Sequence[ModelVersion], now: datetime) -> list[ModelVersion]:
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


def history_of(version: ModelVersion) -> list[ReReview]:
    """Return the re-reviews of a version, newest first, with their reviewers."""
    return list(ReReview.objects.filter(version=version).select_related("reviewer").order_by("-given_at", "-pk"))
