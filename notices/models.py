"""Notices, the preferences of each person, and the messages that send notices by e-mail or chat."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from registry.models import RegisteredModel


class Topic(models.TextChoices):
    """The topic of a notice, with the text that its recipients see."""

    DECISION = "decision", "A request asks for your decision"
    REMINDER = "reminder", "A request still waits for your decision"
    REVIEW = "review", "Somebody reviewed your request"
    OUTCOME = "outcome", "Your request was approved, applied or closed"
    MENTION = "mention", "Somebody named you in a comment"
    COMMENT = "comment", "A comment on a request that you opened or commented on"
    ALARM = "alarm", "A version was moved past its policy in an emergency, or an endpoint loaded other files"
    LEFT = "left", "A version of your model left Production without a successor"
    PROMOTION = "promotion", "A version of your model was promoted to Production"
    ROLLBACK = "rollback", "Your model was rolled back to an earlier version"
    MOVE = "move", "A version of your model moved between other stages, or was archived"
    ALIAS = "alias", "An alias of your model was set or removed"
    FINDING = "finding", "A finding was assigned to you, or is overdue"
    PROPOSAL = "proposal", "A policy change waits for a second person"
    DELEGATION = "delegation", "Review rights were delegated to you, or a delegation or a membership of a group ends"


class Channel(models.TextChoices):
    """Channel by which a person is notified."""

    INBOX = "inbox", "Here"
    EMAIL = "email", "E-mail"
    CHAT = "chat", "Chat"


class Notice(models.Model):
    """The notice of one event for one person. With a ``model`` it is shown only while the person may see that model.

    ``path`` is the page that it is about. ``in_inbox`` tells whether the pages show it; otherwise it is only sent.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    event_id = models.UUIDField("audit event")
    topic = models.CharField(max_length=10, choices=Topic)
    model = models.ForeignKey(RegisteredModel, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    title = models.CharField(max_length=300)
    text = models.CharField(max_length=1000, default="", blank=True)
    path = models.CharField(max_length=600)
    in_inbox = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "event_id"], name="notices_told_once"),
            models.CheckConstraint(condition=Q(topic__in=Topic.values), name="notices_topic"),
        ]
        indexes = [
            models.Index(fields=["person", "-id"], name="notices_newest"),
            models.Index(
                fields=["person", "-id"], name="notices_unread", condition=Q(read_at__isnull=True, in_inbox=True)
            ),
            models.Index(fields=["created_at"], name="notices_old"),
            models.Index(fields=["event_id"], name="notices_of_event"),
        ]

    def __str__(self) -> str:
        return self.title


class Watch(models.Model):
    """A person who is notified of every move of a model. It gives no right to see the model."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField()

    class Meta:
        verbose_name_plural = "watches"
        constraints = [models.UniqueConstraint(fields=["person", "model"], name="notices_watched_once")]

    def __str__(self) -> str:
        return f"{self.person_id} watches {self.model_id}"


class Preference(models.Model):
    """A choice of a person that differs from the defaults (notices/preferences.py)."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    topic = models.CharField(max_length=10, choices=Topic)
    channel = models.CharField(max_length=5, choices=Channel)
    wanted = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "topic", "channel"], name="notices_preferred_once"),
            models.CheckConstraint(condition=Q(topic__in=Topic.values), name="notices_preference_topic"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="notices_preference_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} by {self.channel}: {self.wanted}"


class ChatFormat(models.TextChoices):
    """The format of an incoming webhook: Slack's or Teams'."""

    SLACK = "slack", "Slack or compatible"
    TEAMS = "teams", "Microsoft Teams"


class ChatAddress(models.Model):
    """The chat address of a person: an incoming webhook, whose URL is secret and encrypted (webhooks/secrecy.py)."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    format = models.CharField(max_length=5, choices=ChatFormat)
    sealed_url = models.TextField()
    host = models.CharField(max_length=260)
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "chat addresses"
        constraints = [
            models.CheckConstraint(condition=Q(format__in=ChatFormat.values), name="notices_chat_format"),
            models.CheckConstraint(condition=~Q(sealed_url=""), name="notices_chat_has_url"),
        ]

    def __str__(self) -> str:
        return f"{self.format} at {self.host}"


class MessageState(models.TextChoices):
    """pending → sent | failed"""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


class Message(models.Model):
    """A notice that is sent by e-mail or chat, with its attempts and its outcome.

    A worker writes the outcome only while ``attempts`` has the number that the worker set. While a worker sends the
    message, ``next_attempt_at`` is the time from which another worker may take it. After ``give_up_at`` it is not sent.
    """

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="messages", db_index=False)
    channel = models.CharField(max_length=5, choices=Channel)
    state = models.CharField(max_length=7, choices=MessageState, default=MessageState.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, default="", blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    give_up_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notice", "channel"], name="notices_sent_once"),
            models.CheckConstraint(condition=Q(channel__in=["email", "chat"]), name="notices_message_channel"),
            models.CheckConstraint(
                condition=Q(state="pending", next_attempt_at__isnull=False, finished_at__isnull=True)
                | Q(state__in=["sent", "failed"], next_attempt_at__isnull=True, finished_at__isnull=False),
                name="notices_message_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="notices_message_due", condition=Q(state="pending")),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.state}"
