"""Events as JSON, and the query parameters of the audit API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.actions import Action
from audit.models import Event, ExportJob, Leaf
from audit.queries import MAX_PAGE_SIZE, PAGE_SIZE
from audit.sentences import describe, facts
from audit.transparency.entries import entry_bytes
from audit.verifier.audit_verify import leaf_hash
from core.times import iso_utc

_MAX_SEQ = 2**53 - 1


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
    """Filters of an export; without any, the whole log. Times without a zone are UTC."""

    model = serializers.CharField(max_length=256, required=False, default="", allow_blank=True)
    version = serializers.RegexField(r"^[1-9][0-9]{0,9}$", required=False, default="", allow_blank=True)
    object = serializers.CharField(max_length=600, required=False, default="", allow_blank=True)
    actor = serializers.CharField(max_length=150, required=False, default="", allow_blank=True)
    action = serializers.ChoiceField(choices=list(Action), required=False, default="", allow_blank=True)
    outcome = serializers.ChoiceField(choices=["ok", "denied"], required=False, default="", allow_blank=True)
    request = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)
    since = serializers.DateTimeField(required=False, default=None)
    until = serializers.DateTimeField(required=False, default=None)
    first_seq = serializers.IntegerField(min_value=0, max_value=_MAX_SEQ, required=False, default=None)
    last_seq = serializers.IntegerField(min_value=0, max_value=_MAX_SEQ, required=False, default=None)
    identities = serializers.BooleanField(
        required=False, default=True, help_text="Whether the export says who its actors are."
    )
    parquet = serializers.BooleanField(
        required=False, default=False, help_text="Whether the export has a table in Parquet beside the CSV."
    )


def event_json(event: Event, leaf: Leaf | None) -> dict[str, Any]:
    """Return the facts of an event, its sentence, and its position: null until the log has numbered the event."""
    position: dict[str, Any] = {"seq": None, "gen": None, "leaf_hash": None}
    if leaf is not None:
        entry = entry_bytes(bytes(event.body), gen=leaf.gen, seq=leaf.seq, stream=leaf.stream)
        position = {"seq": leaf.seq, "gen": leaf.gen, "leaf_hash": leaf_hash(entry).hex()}
    return {**facts(event), **position, "sentence": describe(event)}


def export_json(job: ExportJob) -> dict[str, Any]:
    """Return the state of an export."""
    return {
        "id": str(job.pk),
        "state": job.state,
        "filters": job.filters,
        "annex": job.annex,
        "identities": job.identities,
        "parquet": job.parquet,
        "requested_by": job.requested_by,
        "created_at": iso_utc(job.created_at),
        "events_done": job.done,
        "bytes": job.size,
        "error": job.error,
    }
