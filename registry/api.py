"""/api/v1: models, versions, deployments and the serving read. (Cards: approvals/api/cards.py; risk: risk_api.py.)"""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.actors import Actor
from registry.models import RegisteredModel
from registry.permissions import visible_models, visible_versions
from registry.queries import (
    get_deployment,
    get_model,
    get_version,
    in_production,
    latest_of_models,
    listed_versions,
    visible_deployments,
)
from registry.serializers import (
    DeploymentSerializer,
    DeploySerializer,
    ModelSerializer,
    PageSerializer,
    VersionSerializer,
)
from registry.services.deployments import end_deployment, register_deployment
from registry.serving import production_response


def actor_of(request: Request) -> Actor:
    """Return who calls; the permission class has made sure that there is somebody."""
    return cast("Actor", request.auth)


def checked(serializer: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """Return the validated fields of a request; DRF's ValidationError otherwise."""
    parsed = serializer(data=data)
    parsed.is_valid(raise_exception=True)
    return cast("dict[str, Any]", parsed.validated_data)


def many(serializer: Any, rows: list[Any], **context: object) -> list[Any]:
    """Return rows in the serializer's shape."""
    return list(serializer(rows, many=True, context=context).data)


def page(rows: QuerySet[Any], wanted: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return one page of rows, and the offset of the next page (None on the last)."""
    start, limit = wanted["offset"], wanted["limit"]
    found = list(rows[start : start + limit + 1])
    return found[:limit], {"next_offset": start + limit if len(found) > limit else None}


class ModelsView(APIView):
    """GET: the registered models, by name."""

    @extend_schema(parameters=[PageSerializer], responses=ModelSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return one page of the registered models that the caller may see, by name."""
        wanted = checked(PageSerializer, request.query_params)
        models = visible_models(actor_of(request)).order_by("name")
        if wanted["q"]:
            models = models.filter(name__icontains=wanted["q"])
        rows, rest = page(_listed(models), wanted)
        return Response({"models": _models(rows), **rest})


class ModelView(APIView):
    """GET: one model."""

    @extend_schema(responses=ModelSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Return one registered model. Raises NotFound."""
        return Response(_models([get_model(actor_of(request), name)])[0])


class VersionsView(APIView):
    """GET: the versions of a model, newest first."""

    @extend_schema(parameters=[PageSerializer], responses=VersionSerializer(many=True))
    def get(self, request: Request, name: str) -> Response:
        """Return one page of a model's versions, newest first. Raises NotFound."""
        actor = actor_of(request)
        versions = visible_versions(actor).filter(model=get_model(actor, name)).order_by("-version")
        rows, rest = page(listed_versions(versions), checked(PageSerializer, request.query_params))
        return Response({"versions": many(VersionSerializer, rows), **rest})


class VersionView(APIView):
    """GET: one version."""

    @extend_schema(responses=VersionSerializer)
    def get(self, request: Request, name: str, version: int) -> Response:
        """Return one version. Raises NotFound."""
        return Response(VersionSerializer(get_version(actor_of(request), name, version)).data)


class ProductionView(APIView):
    """GET: what is in Production now, for the machines that load it (config/fast_path.py answers most of them)."""

    @extend_schema(responses={200: dict, 304: None})
    def get(self, request: Request, name: str) -> HttpResponse:
        """Return the current Production version, or 304 where its ETag is in If-None-Match. Raises NotFound."""
        return production_response(actor_of(request), name, request.headers.get("If-None-Match", ""))


class InProductionView(APIView):
    """GET: every version in the Production stage, the current one first: the others are warm, for canaries and rollbacks."""

    @extend_schema(responses=VersionSerializer(many=True))
    def get(self, request: Request, name: str) -> Response:
        """Return every version in the Production stage, the current version first. Raises NotFound."""
        rows = in_production(get_model(actor_of(request), name))
        return Response({"versions": many(VersionSerializer, rows)})


class DeploymentsView(APIView):
    """GET: deployments, newest first, of one ``endpoint`` if named. POST: an endpoint now runs a version."""

    @extend_schema(parameters=[PageSerializer], responses=DeploymentSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return one page of deployments, newest first; ``live=true`` leaves out those that have ended."""
        deployments = visible_deployments(actor_of(request))
        if endpoint := request.query_params.get("endpoint"):
            deployments = deployments.filter(endpoint__name=endpoint)
        if request.query_params.get("live") == "true":
            deployments = deployments.filter(ended_at__isnull=True)
        rows, rest = page(deployments, checked(PageSerializer, request.query_params))
        return Response({"deployments": many(DeploymentSerializer, rows), **rest})

    @extend_schema(request=DeploySerializer, responses={201: DeploymentSerializer})
    def post(self, request: Request) -> Response:
        """Record that an endpoint now runs a version and return the deployment (201).

        Raises NotFound (model, version), InvalidInput, Denied, Conflict (the version is archived).
        """
        made = register_deployment(actor=actor_of(request), **checked(DeploySerializer, request.data))
        return Response(DeploymentSerializer(made).data, status=status.HTTP_201_CREATED)


class DeploymentView(APIView):
    """GET: one deployment, by id."""

    @extend_schema(responses=DeploymentSerializer)
    def get(self, request: Request, deployment_id: int) -> Response:
        """Return one deployment. Raises NotFound."""
        return Response(DeploymentSerializer(get_deployment(actor_of(request), deployment_id)).data)


class EndDeploymentView(APIView):
    """POST: a deployment no longer runs."""

    @extend_schema(request=None, responses=DeploymentSerializer)
    def post(self, request: Request, deployment_id: int) -> Response:
        """End a deployment and return it; ending it twice changes nothing. Raises NotFound, Denied."""
        actor = actor_of(request)
        found = get_deployment(actor, deployment_id)
        ended = end_deployment(actor=actor, endpoint=found.endpoint.name, number=found.number)
        return Response(DeploymentSerializer(ended).data)


def _listed(models: QuerySet[RegisteredModel]) -> QuerySet[RegisteredModel]:
    return models.prefetch_related("tags", "aliases__version")


def _models(rows: list[RegisteredModel]) -> list[Any]:
    latest = latest_of_models([model.pk for model in rows])
    return many(ModelSerializer, rows, latest=latest)
