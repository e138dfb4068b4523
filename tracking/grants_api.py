"""/api/v1: the grants on experiments.

Managers read, set and remove those on one experiment, superusers those by name.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.grant_serializers import GrantSerializer, PrincipalQuery, new_grant_serializer
from accounts.principals import PrincipalKind
from audit.actions import Action
from core.actors import actor_of
from core.rest import ApiView, accepts
from tracking.models import Experiment, ExperimentLevel
from tracking.permissions.experiments import require_experiment_level
from tracking.permissions.grants import Grant, all_patterns, grants_of, patterns_over
from tracking.permissions.levels import NO_LEVEL, default_level
from tracking.queries import get_experiment
from tracking.services.grants import (
    require_to_grant_by_name,
    revoke_experiment_grant,
    revoke_pattern_grant,
    set_experiment_grants,
    set_pattern_grant,
)

_LEVELS = [level.name.lower() for level in ExperimentLevel]
_PATTERN_HELP = "Names of experiments, with * for any text, such as team-a/*."
NewExperimentGrant = new_grant_serializer("NewExperimentGrant", _LEVELS)
NewPatternGrant = new_grant_serializer(
    "NewPatternGrant", _LEVELS, pattern=serializers.CharField(max_length=500, help_text=_PATTERN_HELP)
)


class PatternQuery(PrincipalQuery):
    """Query parameters that name the person or group, and the pattern, of a grant."""

    pattern = serializers.CharField(max_length=500, help_text=_PATTERN_HELP)


class PatternGrants(GrantSerializer):
    """A grant by pattern in an answer."""

    pattern = serializers.CharField(help_text=_PATTERN_HELP)


class PatternList(serializers.Serializer[Any]):
    """Every grant by pattern."""

    grants = PatternGrants(many=True)


class ExperimentGrants(serializers.Serializer[Any]):
    """The grants on an experiment, those by pattern, and the default level of everybody."""

    experiment_id = serializers.CharField()
    name = serializers.CharField()
    default_level = serializers.CharField(help_text="The level of everybody who is signed in, or `none`.")
    grants = GrantSerializer(many=True)
    by_pattern = PatternGrants(many=True)


class ExperimentGrantsView(ApiView):
    """GET: the grants on an experiment. PUT: grant somebody a level. DELETE: revoke somebody's level."""

    @accepts(responses=ExperimentGrants)
    def get(self, request: Request, experiment_id: str) -> Response:
        """Return the grants on an experiment. Raises NotFound, Denied to all who do not manage it."""
        actor = actor_of(request)
        experiment = get_experiment(actor, experiment_id)
        action = Action.TRACKING_EXPERIMENT_PERMISSIONS_CHANGED
        require_experiment_level(actor, experiment, ExperimentLevel.MANAGE, action)
        return _answer(experiment)

    @accepts(body=NewExperimentGrant, responses=ExperimentGrants)
    def put(self, request: Request, experiment_id: str) -> Response:
        """Give somebody exactly this level and return all grants.

        Raises NotFound (experiment, principal), Denied, InvalidInput (`manage` on experiment 0).
        """
        grant = _grant(self.body)
        return _answer(set_experiment_grants(actor=actor_of(request), experiment_id=experiment_id, grants=[grant]))

    @accepts(query=PrincipalQuery, responses=ExperimentGrants)
    def delete(self, request: Request, experiment_id: str) -> Response:
        """Revoke somebody's grant and return the remaining grants.

        Raises NotFound (experiment, principal, grant), Denied.
        """
        kind, principal = PrincipalKind(self.query["kind"]), self.query["name"]
        return _answer(
            revoke_experiment_grant(
                actor=actor_of(request), experiment_id=experiment_id, kind=kind, principal=principal
            )
        )


class PatternGrantsView(ApiView):
    """GET: every grant by pattern.

    PUT: grant a level on all experiments of some names. DELETE: revoke one. Superusers only.
    """

    @accepts(responses=PatternList, operation_id="api_v1_experiments_permissions_by_pattern_retrieve")
    def get(self, request: Request) -> Response:
        """Return every grant by pattern. Raises Denied for all but superusers."""
        require_to_grant_by_name(actor_of(request), "*")
        return _patterns()

    @accepts(
        body=NewPatternGrant,
        responses=PatternList,
        operation_id="api_v1_experiments_permissions_by_pattern_update",
    )
    def put(self, request: Request) -> Response:
        """Grant by pattern and return all such grants.

        Raises NotFound (principal), Denied, InvalidInput (the pattern).
        """
        set_pattern_grant(actor=actor_of(request), grant=_grant(self.body))
        return _patterns()

    @accepts(
        query=PatternQuery,
        responses=PatternList,
        operation_id="api_v1_experiments_permissions_by_pattern_destroy",
    )
    def delete(self, request: Request) -> Response:
        """Revoke a grant by pattern and return the remaining ones. Raises NotFound (principal, grant), Denied."""
        values = self.query
        revoke_pattern_grant(
            actor=actor_of(request),
            pattern=values["pattern"],
            kind=PrincipalKind(values["kind"]),
            principal=values["name"],
        )
        return _patterns()


def _grant(values: dict[str, Any]) -> Grant:
    level = ExperimentLevel[values["level"].upper()]
    return Grant(PrincipalKind(values["kind"]), values["name"], level, values.get("pattern", ""))


def _answer(experiment: Experiment) -> Response:
    default = default_level()
    grants = {
        "experiment_id": experiment.pk,
        "name": experiment.name,
        "default_level": "none" if default == NO_LEVEL else ExperimentLevel(default).name.lower(),
        "grants": grants_of(experiment),
        "by_pattern": patterns_over(experiment.name),
    }
    return Response(ExperimentGrants(grants).data)


def _patterns() -> Response:
    return Response(PatternList({"grants": all_patterns()}).data)
