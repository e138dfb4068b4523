"""Events as JSON, and the query parameters of the audit API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.actions import Action
from audit.models import Event
from audit.queries import MAX_PAGE_SIZE, PAGE_SIZE
from audit.sentences import describe, facts


class EventsQuery(serializers.Serializer[Any]):
    """Query parameters of the list of events; times without a zone are UTC."""

    model = serializers.CharField(max_length=256, required=False, default="", allow_blank=True)
    stream = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    object = serializers.CharField(max_length=600, required=False, default="", allow_blank=True)
    actor = serializers.CharField(max_length=150, required=False, default="", allow_blank=True)
    action = serializers.ChoiceField(choices=list(Action), required=False, default="", allow_blank=True)
    outcome = serializers.ChoiceField(choices=["ok", "denied"], required=False, default="", allow_blank=True)
    since = serializers.DateTimeField(required=False, default=None)
    until = serializers.DateTimeField(required=False, default=None)
    cursor = serializers.CharField(max_length=32, required=False, default="", allow_blank=True)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_PAGE_SIZE, required=False, default=PAGE_SIZE)


class ExportQuery(serializers.Serializer[Any]):
    """Query parameters of an export; without a model, of the whole log."""

    model = serializers.CharField(max_length=256, required=False, default="", allow_blank=True)


def event_json(event: Event) -> dict[str, Any]:
    """Return the facts of an event with its leaf hash and its sentence."""
    return {**facts(event), "leaf_hash": event.leaf_hash, "sentence": describe(event)}
