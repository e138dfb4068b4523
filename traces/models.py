"""Traces, their spans and their assessments. Times ending in ``_ms`` and ``_ns`` count from 1970 (UTC)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from core.refs import EventObject, trace_ref
from tracking.models import Experiment, Run
from tracking.prefix import indexed


class TraceState(models.TextChoices):
    """TraceState of the protocol, by name."""

    UNSPECIFIED = "STATE_UNSPECIFIED"
    OK = "OK"
    ERROR = "ERROR"
    IN_PROGRESS = "IN_PROGRESS"


class SpanStatus(models.TextChoices):
    """Status of a span, as OpenTelemetry names it."""

    UNSET = "UNSET"
    OK = "OK"
    ERROR = "ERROR"


class AssessmentKind(models.TextChoices):
    """The kind of an assessment: feedback on what happened, or what should have happened."""

    FEEDBACK = "feedback"
    EXPECTATION = "expectation"


class SourceType(models.TextChoices):
    """The kind of author of an assessment: AssessmentSource.SourceType of the protocol, by name."""

    UNSPECIFIED = "SOURCE_TYPE_UNSPECIFIED", "Somebody"
    HUMAN = "HUMAN", "Person"
    LLM_JUDGE = "LLM_JUDGE", "LLM judge"
    CODE = "CODE", "Code"


class Trace(models.Model):
    """One request to a generative application.

    ``received_ms`` is the time of this server and decides when the trace is old; ``request_ms`` is the client's time.
    ``has_info`` says that the client has sent the trace itself and not only spans of it: spans then no longer change
    its times. ``size`` is the number of bytes that its spans take.
    """

    id = models.CharField(max_length=50, primary_key=True)
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="traces", db_index=False)
    request_ms = models.BigIntegerField()
    duration_ms = models.BigIntegerField(null=True, blank=True)
    state = models.CharField(max_length=17, choices=TraceState, default=TraceState.IN_PROGRESS)
    client_request_id = models.CharField(max_length=250, null=True, blank=True)
    request_preview = models.TextField(null=True, blank=True)
    response_preview = models.TextField(null=True, blank=True)
    has_info = models.BooleanField(default=False)
    span_count = models.IntegerField(default=0)
    size = models.BigIntegerField(default=0)
    received_ms = models.BigIntegerField()
    created_by = models.CharField(max_length=150, default="", blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=TraceState.values), name="traces_trace_state"),
            models.CheckConstraint(
                condition=Q(duration_ms__isnull=True) | Q(duration_ms__gte=0), name="traces_trace_duration"
            ),
            models.CheckConstraint(condition=Q(size__gte=0, span_count__gte=0), name="traces_trace_size"),
        ]
        indexes = [
            models.Index(fields=["experiment", "-request_ms", "id"], name="traces_trace_list"),
            models.Index(fields=["received_ms", "id"], name="traces_trace_age"),
            models.Index(
                fields=["client_request_id"],
                name="traces_trace_client_request",
                condition=Q(client_request_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def event_object(self) -> EventObject:
        """Return the reference that events name this trace by; a trace belongs to no event stream."""
        return EventObject(trace_ref(self.pk))


class TraceTag(models.Model):
    """A tag of a trace. It may be changed later."""

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="tags", db_index=False)
    key = models.CharField(max_length=250)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trace", "key"], name="traces_tracetag_key")]
        indexes = [models.Index("key", indexed("value"), name="traces_tracetag_value")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class TraceMetadata(models.Model):
    """A fact that the client sent with the trace, such as the run that it was made in. No request changes it alone."""

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="metadata", db_index=False)
    key = models.CharField(max_length=250)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trace", "key"], name="traces_tracemetadata_key")]
        indexes = [models.Index("key", indexed("value"), name="traces_tracemetadata_value")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class Span(models.Model):
    """One step of a trace. ``content`` is JSON (traces/spans.py); the other columns find and sort it."""

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="spans", db_index=False)
    span_id = models.CharField(max_length=16)
    parent_id = models.CharField(max_length=16, default="", blank=True)
    name = models.TextField()
    type = models.CharField(max_length=250, default="", blank=True)
    status = models.CharField(max_length=5, choices=SpanStatus, default=SpanStatus.UNSET)
    start_ns = models.BigIntegerField()
    end_ns = models.BigIntegerField(null=True, blank=True)
    content = models.TextField()
    size = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trace", "span_id"], name="traces_span_once"),
            models.CheckConstraint(condition=Q(status__in=SpanStatus.values), name="traces_span_status"),
            models.CheckConstraint(condition=Q(start_ns__gte=0), name="traces_span_start"),
        ]

    def __str__(self) -> str:
        return self.name or self.span_id


class TraceRun(models.Model):
    """A link of a trace to a run. The metadata of the trace may name another run."""

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="run_links", db_index=False)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="trace_links")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trace", "run"], name="traces_tracerun_link")]

    def __str__(self) -> str:
        return f"{self.trace_id} → {self.run_id}"


class TracePrompt(models.Model):
    """A version of a prompt that a trace used, by name and number: the prompt may be stored on another server."""

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="prompts", db_index=False)
    name = models.CharField(max_length=256)
    version = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trace", "name", "version"], name="traces_traceprompt_link")]
        indexes = [models.Index(fields=["name", "version"], name="traces_traceprompt_name")]

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


class Assessment(models.Model):
    """An assessment of a trace, or of one of its spans, by a person, a judge or code.

    ``value`` is JSON text, empty for feedback that holds only an error; ``number`` is the value where it is a number.
    ``is_serialized`` says that the client sent the value as text, as it does with lists and mappings. A newer
    assessment that ``overrides`` an older one makes the older one invalid.
    """

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="assessments", db_index=False)
    assessment_id = models.CharField(max_length=50)
    kind = models.CharField(max_length=11, choices=AssessmentKind)
    name = models.CharField(max_length=250)
    value = models.TextField(default="", blank=True)
    number = models.FloatField(null=True, blank=True)
    is_serialized = models.BooleanField(default=False)
    error = models.JSONField(null=True, blank=True)
    rationale = models.TextField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    source_type = models.CharField(max_length=23, choices=SourceType, default=SourceType.UNSPECIFIED)
    source_id = models.CharField(max_length=500, default="", blank=True)
    span_id = models.CharField(max_length=50, default="", blank=True)
    overrides = models.CharField(max_length=50, default="", blank=True)
    valid = models.BooleanField(default=True)
    created_ms = models.BigIntegerField()
    updated_ms = models.BigIntegerField()
    created_by = models.CharField(max_length=150, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trace", "assessment_id"], name="traces_assessment_id"),
            models.CheckConstraint(condition=Q(kind__in=AssessmentKind.values), name="traces_assessment_kind"),
            models.CheckConstraint(condition=Q(source_type__in=SourceType.values), name="traces_assessment_source"),
            models.CheckConstraint(
                condition=~Q(value="") & (Q(kind=AssessmentKind.FEEDBACK) | Q(error__isnull=True))
                | Q(value="", kind=AssessmentKind.FEEDBACK, error__isnull=False),
                name="traces_assessment_value",
            ),
            models.CheckConstraint(condition=~Q(overrides=F("assessment_id")), name="traces_assessment_overrides"),
        ]
        indexes = [models.Index(fields=["kind", "name"], name="traces_assessment_name")]

    def __str__(self) -> str:
        return f"{self.name} of {self.trace_id}"
