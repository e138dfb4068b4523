"""/api/v1: deployments with their problems, and serving attestations."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.oversight.deployment_problems import (
    ANY,
    Problem,
    live_with_problems,
    problematic_deployments,
    problems_of,
)
from approvals.oversight.serving_attestations import attest_serving
from core.rest import ApiView, accepts, filters, listed, page
from registry.api.serializers import DeploymentListSerializer, DeploymentSerializer, DeploySerializer
from registry.api.views import actor_of, many
from registry.models import Deployment, ServingAttestation
from registry.queries import get_deployment, visible_deployments
from registry.services.deployments import register_deployment

_DEPLOYMENT_FILTERS = {
    "endpoint": "endpoint__name",
    "model": "version__model__name",
    "version": "version__version",
    "environment": "environment",
    "deployed_by": "deployed_by",
    "live": "ended_at__isnull",
    "since": "started_at__gte",
    "until": "started_at__lt",
}


class ProblemListSerializer(DeploymentListSerializer):
    """Query parameters of a list of deployments, with a filter by problem."""

    problem = serializers.ChoiceField(
        choices=[ANY, *Problem], required=False, help_text="Live deployments with this problem, or any."
    )


class ProblemsSerializer(DeploymentSerializer):
    """A deployment with its problems: the reasons why it should not be live. A deployment that has ended has none."""

    problems = serializers.SerializerMethodField()

    def get_problems(self, deployment: Deployment) -> list[str]:
        """Return the names of the problems."""
        return [str(problem) for problem in problems_of(deployment)]


class AttestSerializer(serializers.Serializer[Any]):
    """Body of an attestation: the digest of the files that an endpoint has loaded."""

    digest = serializers.CharField(max_length=80, help_text="SHA-256 of the files that are loaded.")


class AttestationSerializer(serializers.Serializer[ServingAttestation]):
    """The digest of the files that an endpoint reports as loaded, and whether it is that of the deployed version."""

    id = serializers.IntegerField()
    digest = serializers.CharField()
    expected = serializers.CharField()
    matches = serializers.BooleanField()
    attested_by = serializers.CharField()
    attested_at = serializers.DateTimeField()


class DeploymentsView(ApiView):
    """GET: deployments, newest first, of one ``endpoint`` if named. POST: an endpoint now runs a version."""

    @accepts(query=ProblemListSerializer, responses=listed("deployments", ProblemsSerializer))
    def get(self, request: Request) -> Response:
        """Return one page of deployments, newest first.

        `live` selects deployments that run (true) or have ended (false). `problem` selects live deployments with that
        problem, or with any. Raises InvalidInput.
        """
        actor, query = actor_of(request), self.query
        problem = query.get("problem")
        rows = problematic_deployments(actor, problem) if problem else visible_deployments(actor)
        deployments, paging = page(rows.filter(**filters(query, _DEPLOYMENT_FILTERS)), query)
        return Response({"deployments": many(ProblemsSerializer, _with_problems(deployments)), **paging})

    @accepts(body=DeploySerializer, responses={201: ProblemsSerializer})
    def post(self, request: Request) -> Response:
        """Record that an endpoint now runs a version and return the deployment (201).

        Raises NotFound (model, version), InvalidInput, Denied, Conflict (the version is archived).
        """
        deployment = register_deployment(actor=actor_of(request), **self.body)
        return Response(_deployment_json(deployment), status=status.HTTP_201_CREATED)


class DeploymentView(ApiView):
    """GET: one deployment, by id."""

    @accepts(responses=ProblemsSerializer)
    def get(self, request: Request, deployment_id: int) -> Response:
        """Return one deployment. Raises NotFound."""
        return Response(_deployment_json(get_deployment(actor_of(request), deployment_id)))


class AttestationsView(ApiView):
    """GET: the attestations of a deployment, newest first. POST: record one."""

    @accepts(responses=listed("attestations", AttestationSerializer, paged=False))
    def get(self, request: Request, deployment_id: int) -> Response:
        """Return the newest 50 attestations of a deployment. Raises NotFound."""
        deployment = get_deployment(actor_of(request), deployment_id)
        return Response(
            {"attestations": many(AttestationSerializer, list(deployment.attestations.order_by("-pk")[:50]))}
        )

    @accepts(body=AttestSerializer, responses={201: AttestationSerializer})
    def post(self, request: Request, deployment_id: int) -> Response:
        """Record the digest of the files that a deployment has loaded (201). A wrong digest opens a critical finding.

        Raises NotFound, InvalidInput, Denied, InvalidState (it has ended, or there is nothing to compare with).
        """
        attestation = attest_serving(actor=actor_of(request), deployment_id=deployment_id, **self.body)
        return Response(AttestationSerializer(attestation).data, status=status.HTTP_201_CREATED)


def _with_problems(rows: list[Deployment]) -> list[Deployment]:
    """Return these deployments in the same order, each live one annotated with its problems; one query."""
    live = live_with_problems(Deployment.objects.filter(pk__in=[row.pk for row in rows]))
    live_by_id = {row.pk: row for row in live.select_related("endpoint", "version__model")}
    return [live_by_id.get(row.pk, row) for row in rows]


def _deployment_json(deployment: Deployment) -> dict[str, Any]:
    return dict(ProblemsSerializer(_with_problems([deployment])[0]).data)
