"""Webhooks, what they subscribe to, and the log of what was sent to them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from registry.models import RegisteredModel


class WebhookStatus(models.TextChoices):
    """Whether anything is sent. TEST_MODE (Databricks' format only): tests, and no events."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    TEST_MODE = "TEST_MODE"


class WebhookFormat(models.TextChoices):
    """Whose events, payloads and signatures a webhook speaks: those of the wire it was made over."""

    MLFLOW = "mlflow", "MLflow"
    DATABRICKS = "databricks", "Databricks"


class Webhook(models.Model):
    """An address that is told of events: of every model, or of one. ``created_by`` is a username as it was.

    ``owner`` is set where somebody who is no operator named the address: it must be public, and nothing is sent once they
    may no longer manage the model. Empty: an operator vouches for it.

    ``sealed_secret`` is the key of the signatures, encrypted (webhooks/secrecy.py); empty: nothing is signed. A receiver
    that did not answer at all is left alone until ``quiet_until``; ``failures`` counts how often in a row.
    ``sealed_authorization`` is an Authorization header to send along, encrypted in the same way. ``verify_tls`` false asks
    for no check of the certificate of a receiver on the private network; on the public internet it is always checked.
    """

    id = models.CharField(max_length=36, primary_key=True)
    name = models.CharField(max_length=63)
    description = models.TextField(default="", blank=True)
    url = models.CharField("URL", max_length=2048)
    format = models.CharField(max_length=10, choices=WebhookFormat, default=WebhookFormat.MLFLOW)
    sealed_secret = models.TextField(default="", blank=True)
    sealed_authorization = models.TextField(default="", blank=True)
    verify_tls = models.BooleanField("certificate is checked", default=True)
    status = models.CharField(max_length=9, choices=WebhookStatus, default=WebhookStatus.ACTIVE)
    model = models.ForeignKey(RegisteredModel, null=True, blank=True, on_delete=models.PROTECT, related_name="webhooks")
    created_by = models.CharField(max_length=150)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # Deleting hides: the log of what was sent stays.
    deleted_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    quiet_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=WebhookStatus.values), name="webhooks_status"),
            models.CheckConstraint(condition=Q(format__in=WebhookFormat.values), name="webhooks_format"),
            models.CheckConstraint(
                condition=Q(owner__isnull=True) | Q(model__isnull=False), name="webhooks_owner_has_model"
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "id"], name="webhooks_newest")]

    def __str__(self) -> str:
        return self.name


class Subscription(models.Model):
    """One kind of event a webhook is told of: `entity.action` (webhooks/events.py), or Databricks' name for it."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="subscriptions", db_index=False)
    event = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["webhook", "event"], name="webhooks_subscribed_once")]
        # `audit.record` looks here for every event of a kind that anybody could want.
        indexes = [models.Index(fields=["event"], name="webhooks_subscribers")]

    def __str__(self) -> str:
        return self.event


class DeliveryState(models.TextChoices):
    """pending → delivered | failed; a failed one is sent again only when somebody asks."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(models.Model):
    """One event on its way to one webhook: the work and the log of it.

    ``id`` is sent with every attempt, so a receiver recognises what it has seen; ``body`` is the exact text that is signed
    and sent. ``history`` holds the last attempts: when (ISO 8601), status (null: no answer), error, milliseconds.
    ``attempts`` is also the fence: a worker writes its result only while the number is the one it took.
    ``next_attempt_at`` of a delivery that a worker holds is when it is given up on; ``queued_at`` is when the queue was last
    told of it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, verbose_name="delivery id")
    webhook = models.ForeignKey(Webhook, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    event = models.CharField(max_length=64)
    event_id = models.UUIDField("audit event")
    subject = models.CharField(max_length=600)
    body = models.TextField()
    state = models.CharField(max_length=9, choices=DeliveryState, default=DeliveryState.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    status_code = models.PositiveIntegerField(null=True, blank=True)
    error = models.CharField(max_length=500, default="", blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    history = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField(null=True, blank=True)
    give_up_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event_id", "event"], name="webhooks_event_once"),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="webhooks_delivery_state"),
            models.CheckConstraint(
                condition=Q(state="pending", next_attempt_at__isnull=False, finished_at__isnull=True)
                | Q(state__in=["delivered", "failed"], next_attempt_at__isnull=True, finished_at__isnull=False),
                name="webhooks_delivery_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="webhooks_delivery_due", condition=Q(state="pending")),
            models.Index(fields=["-created_at", "id"], name="webhooks_delivery_log"),
            models.Index(fields=["finished_at"], name="webhooks_delivery_old", condition=~Q(state="pending")),
        ]

    def __str__(self) -> str:
        return f"{self.event} {str(self.pk)[:8]}"
