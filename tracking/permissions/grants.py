"""Grants on experiments as rows: reading, storing and deleting them. Services check permissions and record events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import F, QuerySet, Value

from accounts.models import User
from accounts.principals import PrincipalKind
from core.actors import Actor
from tracking.models import Experiment, ExperimentGrant, ExperimentLevel, PatternGrant
from tracking.permissions.levels import NameMatches


@dataclass(frozen=True, slots=True)
class Grant:
    """A level given to somebody or to a group.

    ``name`` is a username or a group's name; ``pattern`` "" for one experiment.
    """

    kind: PrincipalKind
    name: str
    level: ExperimentLevel
    pattern: str = ""


def let_creator_manage(actor: Actor, experiment: Experiment) -> None:
    """Grant `manage` on a new experiment to its creator, and for a service account also to the account's owner."""
    if actor.user_id is None:
        return
    account = User.objects.filter(pk=actor.user_id).values_list("is_service", "owner_id").first()
    owner = account[1] if account and account[0] else None
    ExperimentGrant.objects.bulk_create(
        [
            ExperimentGrant(experiment=experiment, user_id=user_id, level=ExperimentLevel.MANAGE)
            for user_id in (actor.user_id, owner)
            if user_id is not None
        ]
    )


def grants_of(experiment: Experiment) -> list[Grant]:
    """Return the grants on one experiment, by kind and name. One query."""
    return _as_grants(ExperimentGrant.objects.filter(experiment=experiment))


def patterns_over(name: str) -> list[Grant]:
    """Return the grants by pattern that an experiment of this name falls under. One query."""
    matching = NameMatches(Value(name), F("pattern"), F("like_pattern"))
    return _as_grants(PatternGrant.objects.filter(matching))


def all_patterns() -> list[Grant]:
    """Return every grant by pattern. One query."""
    return _as_grants(PatternGrant.objects.all())


def _as_grants(rows: QuerySet[ExperimentGrant] | QuerySet[PatternGrant]) -> list[Grant]:
    grants = [
        Grant(kind_of(row.user or row.group), str(row.user or row.group), ExperimentLevel(row.level), pattern_of(row))
        for row in rows.select_related("user", "group")
    ]
    return sorted(grants, key=lambda grant: (grant.pattern, grant.kind, grant.name))


def pattern_of(row: ExperimentGrant | PatternGrant) -> str:
    """Return the pattern of a grant, "" for a grant on one experiment."""
    return row.pattern if isinstance(row, PatternGrant) else ""


def kind_of(principal: User | Group | None) -> PrincipalKind:
    """Return the kind of the user or group that has a grant."""
    if isinstance(principal, User):
        return PrincipalKind.SERVICE if principal.is_service else PrincipalKind.USER
    return PrincipalKind.GROUP


def put_grant(experiment: Experiment, principal: User | Group, level: ExperimentLevel) -> None:
    """Give a user or a group exactly this level on one experiment. In the caller's transaction."""
    ExperimentGrant.objects.update_or_create(experiment=experiment, **_column(principal), defaults={"level": level})


def drop_grant(experiment: Experiment, principal: User | Group) -> bool:
    """Delete the grant of a user or a group on one experiment; return whether there was one."""
    return bool(ExperimentGrant.objects.filter(experiment=experiment, **_column(principal)).delete()[0])


def put_pattern(pattern: str, like_pattern: str, principal: User | Group, level: ExperimentLevel) -> None:
    """Give a user or a group exactly this level on all experiments whose name matches. In the caller's transaction."""
    values = {"level": level, "like_pattern": like_pattern}
    PatternGrant.objects.update_or_create(pattern=pattern, **_column(principal), defaults=values)


def drop_pattern(pattern: str, principal: User | Group) -> bool:
    """Delete the grant of a user or a group by a pattern; return whether there was one."""
    return bool(PatternGrant.objects.filter(pattern=pattern, **_column(principal)).delete()[0])


def _column(principal: User | Group) -> dict[str, Any]:
    return {"user": principal} if isinstance(principal, User) else {"group": principal}
