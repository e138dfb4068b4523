"""/api/v1: the reads of Production that serving systems make.

A request that waits is answered by the program `edge` (config/edge/). Where none runs in front of these views, they
answer at once, and tell the client when to ask again.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import NotFound
from core.rest import ApiView, accepts
from core.times import iso_utc
from registry.api.production_queries import ProductionOfModelsQuery, ProductionQuery, presented_etags
from registry.api.serializers import period_json
from registry.api.views import actor_of
from registry.models import RegisteredModel
from registry.production.event_stream import MEDIA_TYPE, has_seen, retry_line, state_events
from registry.production.history import production_at
from registry.production.serving import CACHING, production_of_models, production_response
from registry.production.states import read_states, visible_states
from registry.queries import get_model

# Seconds after which a client asks again that wanted to wait and was answered at once.
ASK_AGAIN_SECONDS = 5


class ProductionView(ApiView):
    """GET: the current Production version, for serving systems (config/fast_path.py answers most of these calls)."""

    @accepts(query=ProductionQuery, responses={200: dict, 304: None})
    def get(self, request: Request, name: str) -> HttpResponse:
        """Return the current Production version, or 304 where its ETag is in If-None-Match or ``etag``.

        With ``at`` return the version that was in Production at that moment, from the events of the model. With
        ``wait`` a 304 has Retry-After: this view does not wait. Raises NotFound.
        """
        if "at" in self.query:
            return Response(_production_at(get_model(actor_of(request), name), self.query["at"]))
        etags = presented_etags(request.headers.get("If-None-Match", ""), self.query.get("etag", ""))
        response = production_response(actor_of(request), name, etags)
        if self.query.get("wait") and response.status_code == HTTPStatus.NOT_MODIFIED:
            response["Retry-After"] = str(ASK_AGAIN_SECONDS)
        return response


class ProductionOfModelsView(ApiView):
    """GET: the current Production versions of several models in one call."""

    @accepts(query=ProductionOfModelsQuery, responses={200: dict, 304: None})
    def get(self, request: Request) -> HttpResponse:
        """Return the versions by the names of their models, null where there is none to see; 304 as for one model."""
        return production_of_models(actor_of(request), self.query["models"], request.headers.get("If-None-Match", ""))


class _AnyAccept(DefaultContentNegotiation):
    """Takes any Accept header: errors are JSON, and the stream has one format."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:  # noqa: ARG002 - DRF's signature
        """Return the renderer of JSON."""
        return renderers[0], JSONRenderer.media_type


class ProductionEventsView(ApiView):
    """GET: the Production versions of several models as server-sent events."""

    content_negotiation_class = _AnyAccept

    @accepts(query=ProductionOfModelsQuery, responses={(200, MEDIA_TYPE): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        """Return one event for each model, none where Last-Event-ID says that the client has them, and end.

        The program `edge` keeps the stream open; after this one a client connects again in five seconds.
        """
        names, actor = self.query["models"], actor_of(request)
        states = visible_states(read_states(names), {"": actor}, {"": names})[""]
        body = retry_line(ASK_AGAIN_SECONDS * 1000)
        if not has_seen(names, states, request.headers.get("Last-Event-ID", "")):
            body += state_events(names, states, names)
        return HttpResponse(body, content_type=MEDIA_TYPE, headers={"Cache-Control": CACHING})


def _production_at(model: RegisteredModel, at: datetime) -> dict[str, Any]:
    period = production_at(model, at)
    if period is None:
        raise NotFound(f"{model.name} had no version in Production at {iso_utc(at)}.")
    return {"name": model.name, "at": at, **period_json(period)}
