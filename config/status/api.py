"""GET /api/v1/status: the status of the installation as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.status.areas import Severity, Status
from config.status.read import read_status
from core.actors import actor_of
from core.rest import ApiView, accepts
from core.times import iso_utc

_STATES = ["ok", *(severity.value for severity in Severity)]


class StatusProblemSerializer(serializers.Serializer[Any]):
    """A problem: where, how severe, what is wrong, and the step that ends it."""

    area = serializers.CharField()
    severity = serializers.ChoiceField(choices=[severity.value for severity in Severity])
    text = serializers.CharField()
    action = serializers.CharField()


class StatusAreaSerializer(serializers.Serializer[Any]):
    """A part of the installation. Names of facts end with their units."""

    name = serializers.CharField()
    state = serializers.ChoiceField(choices=_STATES)
    facts = serializers.DictField(child=serializers.JSONField(allow_null=True))


class StatusSerializer(serializers.Serializer[Any]):
    """The status of the installation; ``state`` is `ok`, or the severity of the worst problem."""

    at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=_STATES)
    problems = StatusProblemSerializer(many=True)
    areas = StatusAreaSerializer(many=True)


class StatusView(ApiView):
    """GET: the status of the installation, for superusers."""

    @accepts(responses=StatusSerializer)
    def get(self, request: Request) -> Response:
        """Return the status of programs, queues, storage and the audit log. Raises Denied for all but superusers."""
        return Response(status_json(read_status(actor_of(request))), headers={"Cache-Control": "no-store"})


def status_json(status: Status) -> dict[str, Any]:
    """Return a status as JSON: problems first, critical ones at their head."""
    return {
        "at": iso_utc(status.at, "seconds"),
        "state": status.state,
        "problems": [
            {"area": area.name, "severity": problem.severity.value, "text": problem.text, "action": problem.action}
            for area, problem in status.problems
        ],
        "areas": [{"name": area.name, "state": area.state, "facts": dict(area.facts)} for area in status.areas],
    }
