"""The tracer of this process, and the header that carries a trace to another process."""

from __future__ import annotations

from django.conf import settings
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import Span, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

HEADER = "traceparent"
_PROPAGATOR = TraceContextTextMapPropagator()


class _Started:
    """The tracer of this process; before `start` it makes spans that record nothing."""

    tracer: Tracer = trace.NoOpTracer()


def start(program: str) -> TracerProvider:
    """Make the tracer of this process, which sends spans to CUSTODY_TRACES_URL in the background."""
    resource = Resource.create(
        {"service.name": "custody", "service.version": settings.VERSION, "custody.program": program}
    )
    provider = TracerProvider(resource=resource, sampler=TraceIdRatioBased(settings.TRACES_RATIO))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.TRACES_URL)))
    _Started.tracer = provider.get_tracer("custody", settings.VERSION)
    return provider


def tracer() -> Tracer:
    """Return the tracer of this process."""
    return _Started.tracer


def context_of(header: str) -> Context:
    """Return the context that a `traceparent` header names, an empty one where it names none."""
    return _PROPAGATOR.extract({HEADER: header}, context=Context())


def header_of(span: Span) -> str:
    """Return the `traceparent` header of a span."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, context=trace.set_span_in_context(span, Context()))
    return carrier.get(HEADER, "")
