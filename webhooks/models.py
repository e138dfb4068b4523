"""Models of webhooks, their subscriptions and their deliveries."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from registry.models import RegisteredModel


class WebhookStatus(models.TextChoices):
    """The status of a webhook. With TEST_MODE, which only Databricks' format has, only tests are sent."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    TEST_MODE = "TEST_MODE"


class WebhookFormat(models.TextChoices):
    """The format of events, payloads and signatures: that of the API that created the webhook."""

    MLFLOW = "mlflow", "MLflow"
    DATABRICKS = "databricks", "Databricks"


class Webhook(models.Model):
    """A URL that receives the events of one model, or of every model. ``created_by`` is the username at that time.

    ``owner`` is the person who set the URL, null where an operator set it. With an owner the URL must be public.
    ``operator`` is the operator who set it. Both are null where a command of the server set it, or where an operator
    set it before the column existed. A webhook is disabled once the owner may no longer manage the model, or the
    operator is no longer an operator.

    ``sealed_secret`` is the encrypted key of the signatures (webhooks/secrecy.py); without one nothing is signed.
    ``sealed_authorization`` is the encrypted value of the Authorization header. A receiver that did not answer is
    paused until ``quiet_until``; ``failures`` counts its failures in a row. Where ``verify_tls`` is false, the
    certificate of a receiver on the private network is not checked. On the public internet it is always checked.
    ``cloud_events`` wraps events in MLflow's format as CloudEvents 1.0.
    """

    id = models.CharField(max_length=36, primary_key=True)
    name = models.CharField(max_length=63)
    description = models.TextField(default="", blank=True)
    url = models.CharField("URL", max_length=2048)
    format = models.CharField(max_length=10, choices=WebhookFormat, default=WebhookFormat.MLFLOW)
    sealed_secret = models.TextField(default="", blank=True)
    sealed_authorization = models.TextField(default="", blank=True)
    verify_tls = models.BooleanField("certificate is checked", default=True)
    cloud_events = models.BooleanField("sent as CloudEvents", default=False, db_default=False)
    status = models.CharField(max_length=9, choices=WebhookStatus, default=WebhookStatus.ACTIVE)
    model = models.ForeignKey(RegisteredModel, null=True, blank=True, on_delete=models.PROTECT, related_name="webhooks")
    created_by = models.CharField(max_length=150)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    operator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # A deleted webhook is hidden; its deliveries stay.
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
            models.CheckConstraint(
                condition=Q(cloud_events=False) | Q(format="mlflow"), name="webhooks_cloud_events_are_mlflows"
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "id"], name="webhooks_newest")]

    def __str__(self) -> str:
        return self.name


class Subscription(models.Model):
    """A kind of event that a webhook receives: `entity.action` (webhooks/events.py), or Databricks' name for it."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="subscriptions", db_index=False)
    event = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["webhook", "event"], name="webhooks_subscribed_once")]
        # Every audit event that a webhook can subscribe to is looked up by this index.
        indexes = [models.Index(fields=["event"], name="webhooks_subscribers")]

    def __str__(self) -> str:
        return self.event


class DeliveryState(models.TextChoices):
    """pending → delivered | failed. A finished delivery is sent again only on request."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(models.Model):
    """One event for one webhook, with the record of its attempts.

    ``id`` is sent with every attempt, so that a receiver recognises repetitions. ``body`` is the exact text that is
    signed and sent. ``history`` has the last attempts: time (ISO 8601), status (null for no answer), error,
    milliseconds. A worker writes the outcome only while ``attempts`` has the number that the worker set. While a worker
    sends the delivery, ``next_attempt_at`` is the time from which another worker may take it. ``queued_at`` is when it
    was last queued.
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
