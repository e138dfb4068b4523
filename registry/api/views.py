"""/api/v1: models, versions and deployments. (The serving read: production.py; cards: approvals/api/cards.py.)"""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from django.http import HttpResponse, JsonResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.actors import Actor
from core.rest import ApiView, accepts, filters, listed, page
from registry.api.serializers import (
    DeploymentSerializer,
    DiffQuery,
    ModelListSerializer,
    ModelSerializer,
    VersionListSerializer,
    VersionSerializer,
    period_json,
)
from registry.lineage_diff import diff_of
from registry.models import RegisteredModel
from registry.permissions import visible_models, visible_versions
from registry.production.history import production_periods
from registry.provenance.ancestry import ancestry_of
from registry.provenance.cyclonedx import bom_of
from registry.provenance.in_toto import statement_of
from registry.provenance.openlineage import events_of
from registry.provenance.prov_json import prov_json_of
from registry.queries import (
    get_deployment,
    get_model,
    get_version,
    in_production,
    latest_of_models,
    listed_versions,
)
from registry.reproduction import reproduction_of
from registry.reproduction_bundle import bundle_of, script_of
from registry.services.deployments import end_deployment

_MODEL_FILTERS = {"q": "name__icontains", "since": "updated_ms__gte", "until": "updated_ms__lt"}
_VERSION_FILTERS = {
    "stage": "stage",
    "created_by": "created_by",
    "since": "created_ms__gte",
    "until": "created_ms__lt",
}


def actor_of(request: Request) -> Actor:
    """Return the caller; the permission class has refused anonymous callers."""
    return cast("Actor", request.auth)


def many(serializer: Any, rows: list[Any], **context: object) -> list[Any]:
    """Return rows in the serializer's shape."""
    return list(serializer(rows, many=True, context=context).data)


class ModelsView(ApiView):
    """GET: the registered models, by name."""

    @accepts(query=ModelListSerializer, responses=listed("models", ModelSerializer))
    def get(self, request: Request) -> Response:
        """Return one page of the registered models that the caller may see, by name."""
        query = self.query
        models = visible_models(actor_of(request)).filter(**filters(query, _MODEL_FILTERS)).order_by("name")
        rows, paging = page(_listed(models), query)
        return Response({"models": _models(rows), **paging})


class ModelView(ApiView):
    """GET: one model."""

    @accepts(responses=ModelSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Return one registered model. Raises NotFound."""
        return Response(_models([get_model(actor_of(request), name)])[0])


class VersionsView(ApiView):
    """GET: the versions of a model, newest first."""

    @accepts(query=VersionListSerializer, responses=listed("versions", VersionSerializer))
    def get(self, request: Request, name: str) -> Response:
        """Return one page of a model's versions, newest first. Raises NotFound."""
        actor = actor_of(request)
        versions = visible_versions(actor).filter(model=get_model(actor, name)).order_by("-version")
        rows, paging = page(listed_versions(versions.filter(**filters(self.query, _VERSION_FILTERS))), self.query)
        return Response({"versions": many(VersionSerializer, rows), **paging})


class VersionView(ApiView):
    """GET: one version."""

    @accepts(responses=VersionSerializer)
    def get(self, request: Request, name: str, version: int) -> Response:
        """Return one version. Raises NotFound."""
        return Response(VersionSerializer(get_version(actor_of(request), name, version)).data)


class DiffView(ApiView):
    """GET: the differences between two model versions or runs."""

    @accepts(query=DiffQuery, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return the difference of two model versions or runs. Raises NotFound, InvalidInput."""
        return Response(diff_of(actor_of(request), self.query["a"], self.query["b"]))


class ReproduceView(ApiView):
    """GET: how to train a version again: the recorded facts as JSON, a script, or a zip with all that it needs."""

    @accepts(
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "text/x-shellscript"): OpenApiTypes.STR,
            (200, "application/zip"): OpenApiTypes.BINARY,
        }
    )
    def get(self, request: Request, name: str, version: int, form: str = "json") -> HttpResponse:
        """Return the known and missing parts of the training of a version, and the level from 0 to 5.

        Raises NotFound.
        """
        training = reproduction_of(get_version(actor_of(request), name, version))
        if form == "json":
            return JsonResponse(training.as_json())
        if form == "sh":
            return HttpResponse(script_of(training), content_type="text/x-shellscript; charset=utf-8")
        headers = {"Content-Disposition": f'attachment; filename="reproduce-v{version}.zip"'}
        return HttpResponse(bundle_of(training), content_type="application/zip", headers=headers)


_OBJECT_OR_LIST = {
    "anyOf": [{"type": "object", "additionalProperties": {}}, {"type": "array", "items": {"type": "object"}}],
    "description": "An object; OpenLineage events are a list of them.",
}


class ProvenanceQuery(serializers.Serializer[Any]):
    """Query parameters of the provenance of a version: the format."""

    form = serializers.ChoiceField(choices=["prov-json", "in-toto", "openlineage", "cyclonedx"], default="prov-json")


class ProvenanceView(ApiView):
    """GET: the provenance of a version, in the format of another standard."""

    @accepts(query=ProvenanceQuery, responses={200: _OBJECT_OR_LIST})
    def get(self, request: Request, name: str, version: int) -> JsonResponse:
        """Return PROV-JSON, a CycloneDX 1.7 bill of materials, an in-toto statement, or OpenLineage events, by `form`.

        Raises NotFound, TooLarge, InvalidState (an in-toto statement about a version whose files have no digest).
        """
        actor = actor_of(request)
        registered = get_version(actor, name, version)
        ancestry = ancestry_of(actor, registered)
        if self.query["form"] == "in-toto":
            return JsonResponse(statement_of(ancestry, registered, reproduction_of(registered)))
        if self.query["form"] == "cyclonedx":
            return JsonResponse(bom_of(ancestry, registered, reproduction_of(registered)))
        if self.query["form"] == "openlineage":
            return JsonResponse(events_of(ancestry), safe=False)
        return JsonResponse(prov_json_of(ancestry))


class ProductionHistoryView(ApiView):
    """GET: the versions that were in Production, each with its time and the people who approved and moved it."""

    @accepts(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, name: str) -> Response:
        """Return the periods in which a version was in Production, oldest first. Raises NotFound."""
        model = get_model(actor_of(request), name)
        return Response({"name": model.name, "periods": [period_json(row) for row in production_periods(model)]})


class InProductionView(ApiView):
    """GET: every version in the Production stage, the current version first.

    The other versions stay in Production for canaries and rollbacks.
    """

    @accepts(responses=listed("versions", VersionSerializer, paged=False))
    def get(self, request: Request, name: str) -> Response:
        """Return every version in the Production stage, the current version first. Raises NotFound."""
        rows = in_production(get_model(actor_of(request), name))
        return Response({"versions": many(VersionSerializer, rows)})


class EndDeploymentView(ApiView):
    """POST: a deployment no longer runs."""

    @accepts(responses=DeploymentSerializer)
    def post(self, request: Request, deployment_id: int) -> Response:
        """End a deployment and return it; ending it twice changes nothing. Raises NotFound, Denied."""
        actor = actor_of(request)
        deployment = get_deployment(actor, deployment_id)
        ended = end_deployment(actor=actor, endpoint=deployment.endpoint.name, number=deployment.number)
        return Response(DeploymentSerializer(ended).data)


def _listed(models: QuerySet[RegisteredModel]) -> QuerySet[RegisteredModel]:
    return models.prefetch_related("tags", "aliases__version")


def _models(rows: list[RegisteredModel]) -> list[Any]:
    latest = latest_of_models([model.pk for model in rows])
    return many(ModelSerializer, rows, latest=latest)
