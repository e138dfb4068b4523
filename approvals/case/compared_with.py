"""The version that a request is compared with, as its reviewers saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from approvals.case.pins import facts_of_pin
from approvals.models import PromotionPin, RequestState, TransitionRequest
from registry.models import ModelVersion
from registry.production.history import Period, production_periods
from registry.queries import incumbent_of
from registry.stages import Stage
from validation.base import RunFacts


@dataclass(frozen=True, slots=True)
class ComparedWith:
    """The version that a request is compared with. ``run`` are the pinned facts of its run, None without a pin."""

    version: ModelVersion
    run: RunFacts | None


def compared_with(request: TransitionRequest) -> ComparedWith | None:
    """Return the version that a request is compared with; None if no version was in Production.

    For a live request it is the current Production version; for a closed one, the version that was current just before
    the request closed. A fixed number of queries.
    """
    model = request.version.model
    if request.closed_at is None:
        version = incumbent_of(model)
        pins = PromotionPin.objects.filter(version=version, target=Stage.PRODUCTION)
    else:
        period = _period_before(request, production_periods(model))
        rows = ModelVersion.objects.filter(model=model, version=period.version if period else 0)
        version = rows.select_related("model").first()
        pins = PromotionPin.objects.filter(event_id=period.event_id) if period else PromotionPin.objects.none()
    if version is None:
        return None
    pin = pins.order_by("-pk").first()
    return ComparedWith(version, facts_of_pin(pin) if pin else None)


def _period_before(request: TransitionRequest, periods: Sequence[Period]) -> Period | None:
    """Return the Production period during which a request closed; for an applied promotion, the period it ended."""
    closed = request.closed_at
    begun = [period for period in periods if closed is not None and period.since <= closed]
    own_period = begun[-1] if begun and begun[-1].version == request.version.version else None
    if own_period is not None and request.state == RequestState.APPLIED and request.target == Stage.PRODUCTION:
        return next((period for period in reversed(begun[:-1]) if period.until == own_period.since), None)
    return next(
        (period for period in reversed(begun) if period.until is None or (closed and closed < period.until)), None
    )
