"""Any sequence of moves against a model of what should happen, written in ten lines of plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.errors import InvalidInput
from registry.models import ModelVersion
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.registry.conftest import NewVersion

COUNT = 3
Moves = list[tuple[int, Stage, bool]]


@dataclass
class Expected:
    """The stages of a few versions, and which is current, by index."""

    stages: list[Stage] = field(default_factory=lambda: [Stage.NONE] * COUNT)
    current: int | None = None

    def move(self, which: int, target: Stage, *, archive: bool) -> None:
        if archive:
            self.stages = [Stage.ARCHIVED if stage == target else stage for stage in self.stages]
        self.stages[which] = target
        if target == Stage.PRODUCTION:
            self.current = which
        elif self.current == which:
            self.current = None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.integers(0, COUNT - 1), st.sampled_from(Stage), st.booleans()), max_size=8))
def test_any_sequence(moves: Moves, by_ada: Actor, new_version: NewVersion) -> None:
    with transaction.atomic():
        ids = [new_version().pk for _ in range(COUNT)]
        expected = Expected()
        for which, target, archive in moves:
            play(by_ada, ids[which], target, archive=archive)
            if not (archive and target in (Stage.NONE, Stage.ARCHIVED)):
                expected.move(which, target, archive=archive)
        rows = list(ModelVersion.objects.filter(pk__in=ids).order_by("version"))
        assert [row.stage for row in rows] == expected.stages
        assert [n for n, row in enumerate(rows) if row.is_current] == [n for n in (expected.current,) if n is not None]
        transaction.set_rollback(True)


def play(actor: Actor, version_id: int, target: Stage, *, archive: bool) -> None:
    """Make one move; it leaves an event for exactly the rows it changed,
    and one where nothing is left in Production.
    """
    before, moves, lefts = states(), count(Action.REGISTRY_STAGE_CHANGED), count(Action.REGISTRY_PRODUCTION_LEFT)
    try:
        seen = ModelVersion.objects.select_related("model").get(pk=version_id)
        change_stage(actor=actor, version=seen, target=target, archive_existing=archive, reason="")
    except InvalidInput:
        assert archive
    changed = set(states().items()) - set(before.items())
    assert count(Action.REGISTRY_STAGE_CHANGED) - moves == len(changed)
    has_left = is_served(before) and not is_served(states())
    assert count(Action.REGISTRY_PRODUCTION_LEFT) - lefts == has_left


def count(action: Action) -> int:
    return Event.objects.filter(action=action).count()


def is_served(rows: dict[int, tuple[object, ...]]) -> bool:
    return any(is_current for _, is_current, _ in rows.values())


def states() -> dict[int, tuple[object, ...]]:
    return {row.pk: (row.stage, row.is_current, row.staged_at) for row in ModelVersion.objects.all()}
