"""Events (append-only, as exact bytes), their people, texts and positions in the log, exports, and the outbox."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from core.append_only import AppendOnlyModel

_DENIED = models.Q(outcome="denied")


class Event(AppendOnlyModel):
    """One recorded action. ``body`` is the evidence; the other columns are for searches.

    Each event becomes a leaf of the transparency log (`Leaf`): on SQLite by a trigger of this table, on PostgreSQL by
    the sequencer shortly after the commit. ``event_id`` is a UUID of version 7: random, and nearly ordered by
    time.

    ``actor_key`` is what the body holds: the commitment to the name of an account (`Identity`), the name of a job, and
    in events before schema 3 every name. ``object_ref`` of an account has a commitment, too.
    """

    event_id = models.UUIDField(unique=True, default=uuid.uuid4)
    body = models.BinaryField()
    at = models.DateTimeField()
    action = models.CharField(max_length=64)
    outcome = models.CharField(max_length=8)
    actor_ref = models.CharField(max_length=100)
    actor_key = models.CharField(max_length=150, db_column="actor_name")
    object_ref = models.CharField(max_length=600)
    stream = models.CharField(max_length=100, default="", blank=True)
    request_id = models.CharField(max_length=64, default="", blank=True)
    # The texts of people in the event by place, once they were read (audit/texts/reading.py).
    texts: dict[tuple[str, ...], Any] | None = None

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(outcome__in=["ok", "denied"]), name="audit_event_outcome"),
        ]
        # Every change writes an event, so there are few indexes. New rows go to the right end of most of them. Pages
        # with filters are read in the order of time (audit/queries.py), the events of a stream in that of their ids.
        indexes = [
            models.Index(fields=["at", "id"], name="audit_event_at"),
            models.Index(fields=["object_ref", "at", "id"], name="audit_event_object_at"),
            models.Index(fields=["actor_key", "at", "id"], name="audit_event_actor_at"),
            models.Index(fields=["action", "at", "id"], name="audit_event_action_at"),
            models.Index(fields=["stream", "at", "id"], name="audit_event_stream_at"),
            models.Index(fields=["stream", "id"], name="audit_event_stream"),
            models.Index(fields=["at", "id"], name="audit_event_denied_at", condition=_DENIED),
            models.Index(fields=["actor_key", "at", "id"], name="audit_event_denied_actor", condition=_DENIED),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_ref}"


class Identity(models.Model):
    """The name behind a commitment in events: ``commitment`` is SHA-256 over ``salt`` and ``name``.

    ``ref`` is the reference of the actor, "" for a person whom events only name. An erasure sets name and salt to NULL
    and leaves ``pseudonym``; the database refuses every other change.
    """

    ref = models.CharField(max_length=100)
    name = models.CharField(max_length=300, null=True)
    salt = models.BinaryField(null=True)
    commitment = models.CharField(max_length=64, unique=True)
    pseudonym = models.CharField(max_length=40, default="", blank=True)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "identities"
        indexes = [models.Index(fields=["name", "ref"], name="audit_identity_name")]

    def __str__(self) -> str:
        return f"{self.label} ({self.ref})" if self.ref else self.label

    @property
    def label(self) -> str:
        """Return the name, or the pseudonym of a person who was erased."""
        return self.pseudonym if self.name is None else self.name


class EventText(models.Model):
    """A text or an address in an event, which itself holds a commitment: SHA-256 over ``salt`` and ``value``.

    ``place`` is where it belongs in the event, ``value`` the text: both are canonical JSON. ``subject`` is the
    reference of the person whose text it is, or `user:sha256:` and a commitment to the name. An erasure sets salt and
    value to NULL; the database refuses every other change.
    """

    event_id = models.UUIDField()
    place = models.TextField()
    subject = models.CharField(max_length=100)
    salt = models.CharField(max_length=64, null=True)
    value = models.TextField(null=True)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event_id", "place"], name="audit_eventtext_place")]
        indexes = [
            models.Index(fields=["subject"], name="audit_eventtext_subject", condition=models.Q(erased_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.place} of {self.event_id}"


class Log(models.Model):
    """One transparency log. The row with the highest number is the log in use.

    ``size`` and ``root`` (hex) are those of the tree that the sequencer has built so far. ``scanned`` is an event id:
    every event up to it has its leaf. ``problem`` says why nothing is signed; it is empty while signing works.
    """

    number = models.PositiveSmallIntegerField(primary_key=True)
    origin = models.CharField(max_length=200)
    size = models.BigIntegerField(default=0)
    root = models.CharField(max_length=64)
    scanned = models.BigIntegerField(default=0)
    problem = models.CharField(max_length=500, default="", blank=True)
    checked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.origin}, {self.size} leaves"


class Leaf(AppendOnlyModel):
    """The position of an event in a log: ``seq`` counts all leaves from 0, ``gen`` those of its stream from 1."""

    log = models.PositiveSmallIntegerField()
    seq = models.BigIntegerField()
    event = models.ForeignKey(
        Event, on_delete=models.DO_NOTHING, related_name="leaves", db_constraint=False, db_index=False
    )
    stream = models.CharField(max_length=100, default="", blank=True)
    gen = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["log", "seq"], name="audit_leaf_seq"),
            models.UniqueConstraint(fields=["event", "log"], name="audit_leaf_event"),
            models.UniqueConstraint(fields=["stream", "log", "gen"], name="audit_leaf_stream_gen"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} of log {self.log}"


class WitnessState(models.Model):
    """The state of a witness: the newest checkpoint that it accepted, and its problem since then ("" for none).

    ``contradicts`` is set when the witness holds a tree that this log does not extend. ``note`` is the checkpoint, with
    its cosignature where the witness gives one.
    """

    address = models.CharField(max_length=500, primary_key=True)
    name = models.CharField(max_length=200)
    origin = models.CharField(max_length=200, default="", blank=True)
    size = models.BigIntegerField(default=0)
    kept_at = models.DateTimeField(null=True)
    note = models.BinaryField(default=b"")
    problem = models.CharField(max_length=500, default="", blank=True)
    contradicts = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.name} at {self.size}"


class SiemState(models.Model):
    """The progress of sending the log to a SIEM.

    ``next_seq`` is the next number to send, ``problem`` why the last batch was not accepted, "" where it was.
    """

    address = models.CharField(max_length=500, primary_key=True)
    log = models.PositiveSmallIntegerField()
    next_seq = models.BigIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=500, default="", blank=True)

    def __str__(self) -> str:
        return f"next {self.next_seq}"


class ExportState(models.TextChoices):
    """The states of an export."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ExportJob(models.Model):
    """An export of the log that a worker makes.

    ``event`` records the request for the export; ``filters`` are its filters. ``annex`` names files of other apps that
    belong into it (audit/exports/annexes.py); without ``identities`` it does not say who the actors are, and with
    ``parquet`` it has a table in Parquet.

    ``done`` counts events. ``seen_at`` is the last heartbeat of the worker: without one for a while, another worker
    starts again, as the next ``attempt``. ``size`` is the number of bytes of the finished file, ``fetched_at`` when
    somebody first began to fetch it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    requested_by = models.CharField(max_length=150)
    requester_ref = models.CharField(max_length=100)
    filters = models.JSONField(default=dict)
    annex = models.CharField(max_length=100, default="", blank=True)
    identities = models.BooleanField(default=True, db_default=True)
    parquet = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=8, choices=ExportState, default=ExportState.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    error = models.CharField(max_length=500, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()
    fetched_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=ExportState.values), name="audit_export_state")
        ]
        indexes = [
            models.Index(
                fields=["seen_at"], name="audit_export_open", condition=models.Q(state__in=["queued", "running"])
            )
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"


class OutboxMessage(models.Model):
    """A task that must run after the commit: its name and arguments, delivered at least once.

    ``trace`` is the `traceparent` of the request that wrote it, "" where requests are not traced.
    """

    task = models.CharField(max_length=100)
    kwargs = models.JSONField(default=dict)
    queue = models.CharField(max_length=32, default="fast")
    trace = models.CharField(max_length=55, default="", db_default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(default="", blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="audit_outbox_open", condition=models.Q(delivered_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.task} #{self.pk}"


class MissedEvent(models.Model):
    """An event on which a consumer failed (audit/consumers.py). The row is deleted when the consumer succeeds."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    consumer = models.CharField(max_length=200)
    error = models.CharField(max_length=1000)
    attempts = models.PositiveIntegerField(default=1)
    next_attempt_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["next_attempt_at"], name="audit_missed_due")]

    def __str__(self) -> str:
        return f"{self.consumer} missed event {self.event_id}"


class EvidenceWriter(AppendOnlyModel):
    """A writer of a piece of evidence that verdicts read, where no other row names them: one row for each writer.

    ``subject`` is the permanent id of the object that the evidence is about (`version:12`, `logged-model:m-…`,
    `node:7`). ``detail`` names the piece of this ``kind``, such as the key of a tag.
    """

    subject = models.CharField(max_length=100)
    kind = models.CharField(max_length=30)
    detail = models.CharField(max_length=250, default="", blank=True)
    name = models.CharField(max_length=150)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "kind", "detail", "name"], name="audit_evidencewriter_once")
        ]
        indexes = [models.Index(fields=["kind", "subject"], name="audit_evidencewriter_kind")]

    def __str__(self) -> str:
        return f"{self.name} wrote {self.kind} {self.detail} of {self.subject}"
