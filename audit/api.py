"""/api/v1/audit: the events of a model or of the whole log, and their export."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypedDict
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from audit.actions import Action
from audit.downloads import ZIP, export_download, stored_file
from audit.exports.jobs import export_job, start_export
from audit.exports.selection import Filters
from audit.queries import events_matching, leaves_of, stream_length
from audit.serializers import EventsQuery, ExportQuery, event_json, export_json
from audit.subjects import find_stream, require_whole_log
from core.actors import Actor, Scope, actor_of
from core.rest import ApiView, accepts

_FILE = {(200, ZIP): OpenApiTypes.BINARY, (206, ZIP): OpenApiTypes.BINARY}


class IgnoreAccept(BaseContentNegotiation):
    """Answers with a zip, or with a problem document, whatever `Accept` asks for."""

    def select_parser(self, request: Request, parsers: Any) -> Any:  # noqa: ARG002 - DRF's signature
        """Return the first parser."""
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:  # noqa: ARG002 - DRF's signature
        """Return the first renderer and its media type."""
        return renderers[0], renderers[0].media_type


class EventsView(ApiView):
    """GET: a page of events, newest first; those of a model for all who may read it, of the whole log for auditors."""

    required_scopes = {"GET": Scope.AUDIT_EXPORT}

    @accepts(query=EventsQuery, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return one page of events. Raises NotFound, Denied, InvalidInput."""
        query = dict(self.query)
        stream = _stream(actor_of(request), query)
        page = events_matching(
            stream=stream,
            obj=query["object"],
            actor=query["actor"],
            action=query["action"],
            outcome=query["outcome"],
            since=query["since"],
            until=query["until"],
            cursor=query["cursor"],
            size=query["limit"],
        )
        leaves = leaves_of(page.events)
        answer: dict[str, Any] = {
            "events": [event_json(event, leaves.get(event.pk)) for event in page.events],
            "next_cursor": page.cursor,
        }
        if stream:
            answer["stream"] = {"key": stream, "gen": stream_length(stream)}
        return Response(answer)


def _stream(actor: Actor, query: dict[str, Any]) -> str:
    """Return the stream that was asked for, "" for the whole log.

    Raises NotFound, Denied where the caller may not read it.
    """
    if query["model"]:
        return find_stream(actor, query["model"])
    require_whole_log(actor, action=Action.API_CALLED)
    return str(query["stream"])


class ExportView(ApiView):
    """GET: an export as a zip file, which is sent while a worker writes it."""

    required_scopes = {"GET": Scope.AUDIT_EXPORT}
    content_negotiation_class = IgnoreAccept

    @accepts(query=ExportQuery, responses=_FILE)
    def get(self, request: Request) -> HttpResponseBase:
        """Start an export that a worker makes, and answer its zip file while it is written.

        Raises NotFound, Denied, Unavailable where no worker begins in time: the next call gets the same export.
        """
        return export_download(actor=actor_of(request), **_options(self.query), **_range(request))


class ExportsView(ApiView):
    """POST: start an export that a worker makes."""

    required_scopes = {"POST": Scope.AUDIT_EXPORT}

    @accepts(body=ExportQuery, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Start an export and return it, queued; an event records it. Raises NotFound, Denied."""
        job = start_export(actor=actor_of(request), **_options(self.body))
        return Response(export_json(job), status=HTTPStatus.ACCEPTED)


class ExportJobView(ApiView):
    """GET: the state of an export."""

    required_scopes = {"GET": Scope.AUDIT_EXPORT}

    @accepts(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, export_id: UUID) -> Response:
        """Return state and progress of an export. Raises NotFound."""
        return Response(export_json(export_job(actor_of(request), export_id)))


class ExportFileView(ApiView):
    """GET: the file of a finished export."""

    required_scopes = {"GET": Scope.AUDIT_EXPORT}
    content_negotiation_class = IgnoreAccept

    @accepts(responses=_FILE)
    def get(self, request: Request, export_id: UUID) -> HttpResponseBase:
        """Return the zip file, or the range of it that is asked for.

        Raises NotFound, Unavailable, Conflict while it is not finished.
        """
        return stored_file(export_job(actor_of(request), export_id), **_range(request))


class _ExportOptions(TypedDict):
    filters: Filters
    identities: bool
    parquet: bool


def _options(values: dict[str, Any]) -> _ExportOptions:
    """Return the filters of an export, whether it says who its actors are, and whether it has a table in Parquet."""
    filters = {name: value for name, value in values.items() if name not in ("identities", "parquet")}
    return {"filters": Filters(**filters), "identities": values["identities"], "parquet": values["parquet"]}


def _range(request: Request) -> dict[str, str]:
    return {"byte_range": request.headers.get("Range", ""), "if_range": request.headers.get("If-Range", "")}
