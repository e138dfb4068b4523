"""A hidden experiment of ada's with a run, for tests of levels: nobody has a level by default."""

from __future__ import annotations

from core.actors import Actor
from tracking.models import Experiment, ExperimentGrant, ExperimentLevel


def give(experiment: Experiment, actor: Actor, level: ExperimentLevel) -> None:
    """Grant a level on an experiment."""
    ExperimentGrant.objects.create(experiment=experiment, user_id=actor.user_id, level=level)
