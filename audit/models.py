"""Events (append-only, as exact bytes), the head of each stream, the outbox, and events that consumers have missed."""

from __future__ import annotations

import uuid

from django.db import models

from core.append_only import AppendOnlyModel


class Stream(models.Model):
    """The head of one event stream. Its row lock gives the stream a total order (one stream per registered model)."""

    key = models.CharField(max_length=100, primary_key=True)
    gen = models.BigIntegerField(default=0)
    head = models.CharField(max_length=64, default="")

    def __str__(self) -> str:
        return f"{self.key} at {self.gen}"


class Event(AppendOnlyModel):
    """One recorded action. ``body`` is the evidence; the other columns serve to find it.

    ``leaf_hash`` is SHA-256 over the byte 00 and the body (RFC 6962 leaf), ``gen`` counts within the stream from 1,
    and the body of an event in a stream names the leaf hash of the one before it.
    """

    event_id = models.UUIDField(unique=True, default=uuid.uuid4)
    body = models.BinaryField()
    leaf_hash = models.CharField(max_length=64)
    at = models.DateTimeField()
    action = models.CharField(max_length=64)
    outcome = models.CharField(max_length=8)
    actor_ref = models.CharField(max_length=100)
    actor_name = models.CharField(max_length=150)
    object_ref = models.CharField(max_length=600)
    stream = models.CharField(max_length=100, default="", blank=True)
    gen = models.BigIntegerField(null=True)
    request_id = models.CharField(max_length=64, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stream", "gen"], name="audit_event_stream_gen"),
            models.CheckConstraint(condition=models.Q(outcome__in=["ok", "denied"]), name="audit_event_outcome"),
        ]
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_event_at"),
            models.Index(fields=["object_ref", "id"], name="audit_event_object"),
            models.Index(fields=["actor_name", "id"], name="audit_event_actor"),
            models.Index(fields=["action", "id"], name="audit_event_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_ref}"


class OutboxMessage(models.Model):
    """A task that must run after the commit: its name and arguments, delivered at least once."""

    task = models.CharField(max_length=100)
    kwargs = models.JSONField(default=dict)
    queue = models.CharField(max_length=32, default="fast")
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
