"""Levels on experiments: what somebody may do with one, by the default, by grants, and by patterns of names.

Everybody who is signed in has settings.DEFAULT_EXPERIMENT_LEVEL on every experiment (`none`: nothing); grants to
people, service accounts and groups add to that. What somebody may not read does not exist for them: the same NotFound,
and absent from every list and count. Superusers and the system manage everything, and experiment 0 is managed by them
alone.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db.models import BooleanField, Case, Exists, F, Func, IntegerField, OuterRef, Q, QuerySet, Value, When

from accounts.models import User
from core.actors import Actor, ActorKind
from tracking.models import Experiment, ExperimentGrant, ExperimentLevel, PatternGrant

Pieces = tuple[str, tuple[Any, ...]]
# The experiment of runs that name none. Everybody logs to it.
DEFAULT_EXPERIMENT = 0
NO_LEVEL = 0
LEVEL_DESCRIPTIONS = {
    ExperimentLevel.READ: "Can read the experiment with its runs, and create runs of their own in it",
    ExperimentLevel.EDIT: "Can change the experiment's tags and every run in it, and register models from them",
    ExperimentLevel.MANAGE: "Can rename and delete the experiment, delete runs, and decide who may use it",
}


class NameMatches(Func):
    """The condition that a name matches the pattern of a grant: (name, pattern, like_pattern).

    Case counts on both databases.
    """

    output_field = BooleanField()
    arity = 3

    def as_sql(self, compiler: Any, connection: Any, *_names: Any, **_options: Any) -> Pieces:  # noqa: ARG002 - Django's signature
        """Return the comparison with LIKE."""
        return self._compared(compiler, "LIKE", self.source_expressions[2])

    def as_sqlite(self, compiler: Any, connection: Any, **_options: Any) -> Pieces:  # noqa: ARG002 - Django's signature
        """Return the comparison with GLOB: SQLite's own LIKE ignores case."""
        return self._compared(compiler, "GLOB", self.source_expressions[1])

    def _compared(self, compiler: Any, operator: str, pattern: Any) -> Pieces:
        name, name_params = compiler.compile(self.source_expressions[0])
        text, text_params = compiler.compile(pattern)
        return f"{name} {operator} {text}", (*name_params, *text_params)


def default_level() -> int:
    """Return the level of every signed-in identity on every experiment, 0 for none."""
    name = settings.DEFAULT_EXPERIMENT_LEVEL
    return NO_LEVEL if name in {"", "none"} else ExperimentLevel[name.upper()].value


def rules_all(actor: Actor) -> bool:
    """Return whether the actor manages every experiment: superusers, and the system itself."""
    return actor.kind is ActorKind.SYSTEM or actor.is_superuser


def everybody_has(level: int, actor: Actor) -> bool:
    """Return whether the actor has a level on every experiment without looking at any grant (experiment 0 aside)."""
    if rules_all(actor):
        return True
    return actor.user_id is not None and default_level() >= level


def experiments_at_level(actor: Actor, level: int) -> QuerySet[Experiment]:
    """Return the experiments, deleted ones among them, on which the actor has at least ``level``."""
    rows = Experiment.objects.all()
    if rules_all(actor):
        return rows
    if actor.kind is ActorKind.ANONYMOUS or actor.user_id is None:
        return rows.none()
    if level >= ExperimentLevel.MANAGE:
        rows = rows.exclude(pk=DEFAULT_EXPERIMENT)
    if default_level() >= level:
        return rows
    direct = ExperimentGrant.objects.filter(_of_user(actor.user_id), level__gte=level)
    by_name = _patterns_for(OuterRef("name")).filter(_of_user(actor.user_id), level__gte=level)
    return rows.filter(Q(pk__in=direct.values("experiment_id")) | Exists(by_name))


def visible_experiments(actor: Actor) -> QuerySet[Experiment]:
    """Return the experiments the actor may see, deleted ones among them."""
    return experiments_at_level(actor, ExperimentLevel.READ)


def level_on(actor: Actor, experiment_id: int) -> int:
    """Return the highest level the actor has on an experiment, 0 where they may not see it."""
    return levels_on(actor, [experiment_id])[experiment_id]


def levels_on(actor: Actor, experiment_ids: Collection[int]) -> dict[int, int]:
    """Return the level of the actor on each of these experiments.

    At most two queries; none where the default decides.
    """
    if rules_all(actor):
        return dict.fromkeys(experiment_ids, ExperimentLevel.MANAGE.value)
    if actor.kind is ActorKind.ANONYMOUS or actor.user_id is None:
        return dict.fromkeys(experiment_ids, NO_LEVEL)
    levels = dict.fromkeys(experiment_ids, default_level())
    if levels and default_level() < ExperimentLevel.MANAGE:
        for pk, level in _granted(actor.user_id, experiment_ids):
            levels[pk] = max(levels[pk], level)
    # nobody but superusers manages the experiment that everybody logs to
    return {
        pk: min(level, ExperimentLevel.EDIT.value) if pk == DEFAULT_EXPERIMENT else level
        for pk, level in levels.items()
    }


def _granted(user_id: int, experiment_ids: Collection[int]) -> list[tuple[int, int]]:
    of_user = _of_user(user_id)
    direct = ExperimentGrant.objects.filter(of_user, experiment__in=experiment_ids)
    experiments = Experiment.objects.filter(pk__in=experiment_ids).annotate(
        by_name=_highest(_patterns_for(OuterRef("name")).filter(of_user))
    )
    by_name = experiments.filter(by_name__isnull=False).values_list("pk", "by_name")
    return [*direct.values_list("experiment_id", "level"), *by_name]


def _highest(patterns: QuerySet[PatternGrant]) -> Any:
    """Return the subquery of the highest level among grants."""
    return Case(
        *(When(Exists(patterns.filter(level=level)), then=Value(level.value)) for level in reversed(ExperimentLevel)),
        default=None,
        output_field=IntegerField(null=True),
    )


def _patterns_for(name: Any) -> QuerySet[PatternGrant]:
    return PatternGrant.objects.filter(NameMatches(name, F("pattern"), F("like_pattern")))


def _of_user(user_id: int) -> Q:
    """Return the condition that a grant is to a user, or to a group they are in."""
    groups = User.groups.through.objects.filter(user_id=user_id).values("group_id")
    return Q(user_id=user_id) | Q(group_id__in=groups)
