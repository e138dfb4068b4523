"""/api/v1: watching a model, and its watchers."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.actors import Actor, actor_of
from core.rest import ApiView, accepts
from notices.queries import watch_of, watcher_names
from notices.services.watching import stop_watching, watch_model
from registry.queries import get_model


class WatchSerializer(serializers.Serializer[object]):
    """The watch of the caller on a model (whether, and since when), and the usernames of all its watchers."""

    model = serializers.CharField()
    watching = serializers.BooleanField()
    since = serializers.DateTimeField(allow_null=True)
    watchers = serializers.ListField(child=serializers.CharField())


class WatchView(ApiView):
    """GET: whether the caller watches a model. PUT: watch it. DELETE: stop watching."""

    @accepts(responses=WatchSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Return whether the caller watches a model, and its watchers. Raises NotFound."""
        return Response(_state(actor_of(request), name))

    @accepts(responses=WatchSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Watch a model: the caller is notified of its moves. Raises NotFound, InvalidInput (a service account)."""
        watch_model(actor=actor_of(request), name=name)
        return Response(_state(actor_of(request), name))

    @accepts(responses=WatchSerializer)
    def delete(self, request: Request, name: str) -> Response:
        """Stop watching a model. It is not an error when the caller does not watch it. Raises NotFound."""
        stop_watching(actor=actor_of(request), name=name)
        return Response(_state(actor_of(request), name))


def _state(actor: Actor, name: str) -> dict[str, object]:
    model = get_model(actor, name)
    row = watch_of(actor, model)
    since = row.since if row else None
    return {"model": model.name, "watching": row is not None, "since": since, "watchers": watcher_names(model)}
