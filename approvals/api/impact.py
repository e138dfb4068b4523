"""/api/v1: the impact of a dataset or of any other node, streamed as JSON or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import orjson
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.oversight.completeness import completeness_of
from approvals.oversight.impact import AffectedVersion, Impact, dataset_versions, impact_of
from core.actors import Actor
from core.refs import dataset_ref
from core.rest import ApiView, accepts
from core.spreadsheets import csv_cell
from lineage.identity.names import dataset_key
from lineage.models import Node
from lineage.queries import find_visible
from registry.api.views import actor_of
from registry.queries import get_version

COLUMNS = ("model", "version", "stage", "current", "live", "aliases", "endpoints", "owners", "approvals", "urn")
_ANSWERS = {(200, "application/json"): OpenApiTypes.OBJECT, (200, "text/csv"): OpenApiTypes.STR}


class ImpactQuery(serializers.Serializer[Any]):
    """Query parameters of the impact of a dataset: its versions, separated by commas, or `all`."""

    versions = serializers.CharField(max_length=5000, required=False, default="all")


class DatasetImpactView(ApiView):
    """GET: the descendants of a dataset, or of some versions of it."""

    @accepts(query=ImpactQuery, responses=_ANSWERS)
    def get(self, request: Request, name: str, form: str = "json") -> StreamingHttpResponse:
        """Return the impact of a dataset. Raises NotFound (the dataset or one of its versions), InvalidInput."""
        text = self.query["versions"]
        versions = [] if text == "all" else [version.strip() for version in text.split(",") if version.strip()]
        urn = name if name.startswith("dataset:") else dataset_ref(dataset_key(name))
        return _answer(actor_of(request), dataset_versions(actor_of(request), urn, versions), form)


class ImpactView(ApiView):
    """GET: the descendants of one node of the graph."""

    @accepts(responses=_ANSWERS)
    def get(self, request: Request, urn: str, form: str = "json") -> StreamingHttpResponse:
        """Return the impact of a node. Raises NotFound."""
        node = find_visible(actor_of(request), urn)
        return _answer(actor_of(request), (node,), form)


class CompletenessView(ApiView):
    """GET: the known and missing parts of a version's lineage, with advice on logging the missing ones."""

    @accepts(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, name: str, version: int) -> Response:
        """Return the completeness of a version's lineage. Raises NotFound."""
        completeness = completeness_of(get_version(actor_of(request), name, version))
        parts = [
            {"name": part.name, "known": part.is_known, "detail": part.detail, "to_log": part.to_log}
            for part in completeness
        ]
        return Response({"known": sum(part.is_known for part in completeness), "of": len(completeness), "parts": parts})


def _answer(actor: Actor, nodes: tuple[Node, ...], form: str) -> StreamingHttpResponse:
    impact = impact_of(actor, nodes)
    if form == "csv":
        response = StreamingHttpResponse(csv_lines(impact, actor), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="impact.csv"'
        return response
    return StreamingHttpResponse(_json_parts(impact, actor), content_type="application/json")


def _json_parts(impact: Impact, actor: Actor) -> Iterator[bytes]:
    """Return the JSON of an impact in parts: totals, each affected version, then the names of models and owners."""
    head = {
        "roots": [node.urn for node in impact.starts],
        "total_nodes": impact.total,
        "runs": impact.runs,
        "total_versions": len(impact.version_keys),
        "truncated": impact.truncated,
    }
    yield orjson.dumps(head)[:-1] + b',"model_versions":['
    owners: dict[str, None] = {}
    models: dict[str, None] = {}
    endpoints: dict[str, None] = {}
    first = True
    for row in impact.versions(actor):
        models[row.version.model.name] = None
        owners |= dict.fromkeys(row.owners)
        endpoints |= dict.fromkeys(deployment.endpoint.name for deployment in row.deployments)
        yield (b"" if first else b",") + orjson.dumps(version_json(row))
        first = False
    tail = {"models": [*models], "endpoints": sorted(endpoints), "owners": sorted(owners)}
    yield b"]," + orjson.dumps(tail)[1:]


def version_json(row: AffectedVersion) -> dict[str, Any]:
    """Return an affected version as JSON."""
    return {
        "urn": row.urn,
        "model": row.version.model.name,
        "version": row.version.version,
        "stage": row.version.stage,
        "current": row.version.is_current,
        "live": row.is_live,
        "aliases": row.aliases,
        "owners": row.owners,
        "deployments_live": [
            {"endpoint": deployment.endpoint.name, "number": deployment.number, "revision": deployment.revision,
             "traffic_percent": deployment.traffic_percent, "started_at": deployment.started_at}
            for deployment in row.deployments
        ],
        "approvals": [
            {"request": approval.pk, "target": approval.target, "state": approval.state} for approval in row.approvals
        ],
    }  # fmt: skip


def csv_lines(impact: Impact, actor: Actor) -> Iterator[str]:
    """Return the CSV: a header, and a line for each affected version. No spreadsheet reads a cell as a formula."""
    yield _line(COLUMNS)
    for row in impact.versions(actor):
        version = row.version
        cells = (
            version.model.name, version.version, version.stage, version.is_current, row.is_live, " ".join(row.aliases),
            " ".join(deployment.endpoint.name for deployment in row.deployments), " ".join(row.owners),
            " ".join(f"{approval.pk}:{approval.target}:{approval.state}" for approval in row.approvals), row.urn,
        )  # fmt: skip
        yield _line(cells)


def _line(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(csv_cell(cell) for cell in cells)
    return out.getvalue()
