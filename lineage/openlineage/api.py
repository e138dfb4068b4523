"""/api/v1/lineage for OpenLineage clients, and for readers of Marquez's API.

Unknown fields and parameters are ignored, as Marquez does.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.actors import actor_of
from core.errors import InvalidInput
from core.rest import ApiView, accepts
from lineage.json_bodies import JsonBody, read_json
from lineage.openlineage.inbox import MOST_EVENTS, receive_batch, receive_event
from lineage.openlineage.reads import MAX_DEPTH, events_between, graph_around


class GraphAroundQuery(serializers.Serializer[Any]):
    """Query parameters of the graph around a job or dataset."""

    nodeId = serializers.CharField(max_length=1200)  # noqa: N815 - the protocol's name
    depth = serializers.IntegerField(min_value=0, max_value=MAX_DEPTH, default=20)


class EventsQuery(serializers.Serializer[Any]):
    """Query parameters of the list of events. Marquez's pages send empty times."""

    before = serializers.CharField(required=False, allow_blank=True, max_length=50)
    after = serializers.CharField(required=False, allow_blank=True, max_length=50)
    sortDirection = serializers.ChoiceField(  # noqa: N815 - the protocol's name
        choices=["asc", "desc", "ASC", "DESC"], default="desc"
    )
    limit = serializers.IntegerField(min_value=0, max_value=1000, default=100)
    offset = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)


class TolerantView(ApiView):
    """A view that ignores unknown parameters, as other servers of this protocol do.

    ``reads`` is the serializer of its query parameters.
    """

    parser_classes = [JsonBody]
    reads: type[serializers.Serializer[Any]] | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then validate the parameters that are known. Raises DRF's ValidationError."""
        APIView.initial(self, request, *args, **kwargs)
        self.query, self.body = {}, {}
        if self.reads is not None and request.method == "GET":
            parsed = self.reads(data=request.query_params)
            parsed.is_valid(raise_exception=True)
            self.query = dict(parsed.validated_data)


class OpenLineageView(TolerantView):
    """POST: an OpenLineage event. GET: jobs and datasets around one of them, in the shape of Marquez."""

    reads = GraphAroundQuery

    @accepts(responses={201: None}, request=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> HttpResponse:
        """Store one event and answer 201 without a body. The same event again changes nothing and is answered 201.

        Raises InvalidInput (no JSON, no eventTime, neither run, job nor dataset), Denied (somebody else's run or
        model).
        """
        receive_event(actor=actor_of(request), data=read_json(request))
        return HttpResponse(status=201, headers={"Content-Length": "0"})

    @accepts(query=GraphAroundQuery, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return the graph around `nodeId`, job:<namespace>:<name> or dataset:<namespace>:<name>.

        Raises NotFound, InvalidInput.
        """
        return Response({"graph": graph_around(actor_of(request), self.query["nodeId"], self.query["depth"])})


class BatchView(TolerantView):
    """POST: an array of OpenLineage events."""

    @accepts(responses=OpenApiTypes.OBJECT, request=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Store the events of an array. The answer lists those that were refused; the others are stored.

        Raises InvalidInput: the body is no array, or holds too many events.
        """
        items = read_json(request)
        if not isinstance(items, list):
            raise InvalidInput("A batch is a JSON array of events.")
        if len(items) > MOST_EVENTS:
            raise InvalidInput(f"A batch may hold at most {MOST_EVENTS} events.")
        failures = receive_batch(actor=actor_of(request), items=items)
        retriable = sum(failure.retriable for failure in failures)
        body: dict[str, Any] = {
            "status": "partial_success" if failures else "success",
            "summary": {
                "received": len(items),
                "successful": len(items) - len(failures),
                "failed": len(failures),
                "retriable": retriable,
                "non_retriable": len(failures) - retriable,
            },
        }
        if failures:
            body["failed_events"] = [
                {"index": failure.index, "reason": failure.reason, "retriable": failure.retriable}
                for failure in failures
            ]
        return Response(body)


class EventsView(TolerantView):
    """GET: the events as they were received, in the shape of Marquez."""

    reads = EventsQuery

    @accepts(query=EventsQuery, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return one page of events, newest first: those that the caller sent, for operators those of all senders."""
        query = self.query
        events, total = events_between(
            actor_of(request),
            _moment(query.get("after", "")),
            _moment(query.get("before", "")),
            ascending=query["sortDirection"].lower() == "asc",
            start=query["offset"],
            limit=query["limit"],
        )
        return Response({"events": events, "totalCount": total})


def _moment(text: str) -> Any:
    return serializers.DateTimeField().run_validation(text) if text else None
