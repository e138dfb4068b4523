"""/api/v1/audit: the events of a model or of the whole log, and their export."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.actions import Action
from audit.export import export_log, export_model
from audit.queries import events_matching, stream_head
from audit.serializers import EventsQuery, ExportQuery, event_json
from audit.subjects import find_stream, require_whole_log
from core.actors import Actor, Scope, actor_of


class IgnoreAccept(BaseContentNegotiation):
    """Answers with a zip, or with a problem document, whatever `Accept` asks for."""

    def select_parser(self, request: Request, parsers: Any) -> Any:  # noqa: ARG002 - DRF's signature
        """Return the first parser."""
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:  # noqa: ARG002 - DRF's signature
        """Return the first renderer and its media type."""
        return renderers[0], renderers[0].media_type


class EventsView(APIView):
    """GET: a page of events, newest first; those of a model for all who may read it, of the whole log for auditors."""

    required_scopes = {"GET": Scope.AUDIT_EXPORT}

    @extend_schema(parameters=[EventsQuery], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Answer a page of events. NotFound, Denied, InvalidInput."""
        query = EventsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = dict(query.validated_data)
        stream = _stream(actor_of(request), wanted)
        page = events_matching(
            stream=stream,
            obj=wanted["object"],
            actor=wanted["actor"],
            action=wanted["action"],
            outcome=wanted["outcome"],
            since=wanted["since"],
            until=wanted["until"],
            cursor=wanted["cursor"],
            size=wanted["limit"],
        )
        answer: dict[str, Any] = {"events": [event_json(event) for event in page.events], "next_cursor": page.cursor}
        if stream:
            head = stream_head(stream)
            answer["stream"] = {"key": head.key, "gen": head.gen, "head": head.head}
        return Response(answer)


def _stream(actor: Actor, wanted: dict[str, Any]) -> str:
    """Return the stream that was asked for, "" for the whole log. NotFound, Denied where the caller may not read it."""
    if wanted["model"]:
        return find_stream(actor, wanted["model"])
    require_whole_log(actor, action=Action.API_CALLED)
    return str(wanted["stream"])


class ExportView(APIView):
    """GET: an export as a zip file."""

    required_scopes = {"GET": Scope.AUDIT_EXPORT}
    content_negotiation_class = IgnoreAccept

    @extend_schema(parameters=[ExportQuery], responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request) -> FileResponse:
        """Answer the zip file, and record that it was asked for. NotFound, Denied."""
        query = ExportQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        name = query.validated_data["model"]
        package = export_model(actor=actor_of(request), name=name) if name else export_log(actor=actor_of(request))
        return FileResponse(package.file, as_attachment=True, filename=package.filename, content_type="application/zip")
