"""Traces: from a request through the outbox and a task to the statements of the database, and to a collector."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from celery.signals import task_postrun, task_prerun
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, transaction
from django.db.backends.signals import connection_created
from django.test import RequestFactory
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer
from pytest_django import Settings

from accounts.models import User
from audit import dispatch
from audit.dispatch import current_trace
from audit.models import OutboxMessage
from audit.services import enqueue
from audit.tasks import relay_outbox
from config.tracing import database, provider, tasks
from config.tracing.requests import route_of, traced
from config.tracing.start import start_worker_tracing, with_tracing
from registry.services.models import create_model
from tests.architecture.source import ROOT
from tests.conftest import Acting

Spans = Callable[[], dict[str, ReadableSpan]]
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """Trace this process; return a function that gives the ended spans by their names."""
    memory, made = InMemorySpanExporter(), TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(memory))
    monkeypatch.setattr(provider._Started, "tracer", made.get_tracer("test"))
    database.trace_statements()
    tasks.trace_tasks()
    yield lambda: {span.name: span for span in memory.get_finished_spans()}
    connection_created.disconnect(dispatch_uid="config.tracing.database")
    task_prerun.disconnect(dispatch_uid="config.tracing.tasks")
    task_postrun.disconnect(dispatch_uid="config.tracing.tasks")
    if database._execute in connection.execute_wrappers:
        connection.execute_wrappers.remove(database._execute)


def call(path: str, application: Any = None, **environ: Any) -> int:
    """Send a GET through the application and return the status."""
    statuses: list[str] = []
    request = RequestFactory().get(path, **environ)
    serve: Any = traced(application or WSGIHandler())
    answer = serve(request.environ, lambda status, *_rest: statuses.append(status))
    for _ in answer:
        pass
    if hasattr(answer, "close"):
        answer.close()
    return int(statuses[0][:3])


@pytest.mark.django_db(transaction=True)
def test_a_request_and_its_statements_are_one_trace(spans: Spans, ada: User, acting: Acting) -> None:
    create_model(actor=acting(ada), name="secret-model")
    assert call("/api/v1/models/secret-model", HTTP_TRACEPARENT=PARENT, HTTP_AUTHORIZATION="Bearer wrong") == 401
    request = spans()["GET /api/v1/models/<str:name>"]
    assert request.context is not None
    assert f"{request.context.trace_id:032x}" == TRACE
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 401
    statements = [span for name, span in spans().items() if name.startswith("SELECT ")]
    assert {span.parent.span_id for span in statements if span.parent} == {request.context.span_id}
    assert "secret-model" not in json.dumps([span.to_json() for span in spans().values()])


def test_a_path_without_a_route_is_not_in_a_span(spans: Spans, db: None) -> None:
    call("/nothing/secret-model/at/all/")
    assert list(spans())[-1] == "GET unmatched"
    assert route_of("/healthz") == "/healthz"


def test_an_error_marks_the_span_without_its_message(spans: Spans, db: None) -> None:
    def broken(_environ: object, _start: object) -> list[bytes]:
        raise ValueError("secret-model")

    with pytest.raises(ValueError, match="secret-model"):
        call("/healthz", broken)
    assert "secret-model" not in spans()["GET /healthz"].to_json()
    assert current_trace.get() == ""


@pytest.mark.django_db(transaction=True)
def test_a_task_belongs_to_the_request_that_enqueued_it(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(dispatch._Broker, "away_until", 0.0)
    monkeypatch.setattr(current_app, "send_task", lambda _name, **options: sent.append(options))

    def enqueueing(_environ: object, start: Callable[..., object]) -> list[bytes]:
        with transaction.atomic():
            enqueue("audit.tasks.relay_outbox")
        start("200 OK", [])
        return [b""]

    call("/healthz", enqueueing)
    request = spans()["GET /healthz"]
    assert request.context is not None
    (message,) = OutboxMessage.objects.all()
    assert sent[0]["headers"] == {"traceparent": message.trace}
    relay_outbox.apply(headers=sent[0]["headers"])
    task = spans()["audit.tasks.relay_outbox"]
    assert task.parent is not None
    assert (task.parent.trace_id, task.parent.span_id) == (request.context.trace_id, request.context.span_id)
    assert spans()["SELECT audit_outboxmessage"].parent == task.context


def test_untraced_requests_enqueue_without_a_header(db: None) -> None:
    with transaction.atomic():
        enqueue("audit.tasks.relay_outbox")
    assert OutboxMessage.objects.get().trace == ""


@pytest.mark.parametrize(
    ("sql", "operation"),
    [
        ('SELECT "a"."b" FROM "registry_modelversion" WHERE x = %s', ("SELECT", "registry_modelversion")),
        ("insert into audit_event (a) values (1)", ("INSERT", "audit_event")),
        ('UPDATE "a_b" SET c = 1', ("UPDATE", "a_b")),
        ("BEGIN", ("BEGIN", "")),
        ("", ("", "")),
    ],
)
def test_a_statement_is_named_by_verb_and_table(sql: str, operation: tuple[str, str]) -> None:
    assert database.operation_of(sql) == operation


@pytest.fixture
def collector() -> Iterator[SimpleNamespace]:
    """An OTLP collector on this machine: its address, and the bodies that it was sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name for it
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_address[1]}/v1/traces", bodies=bodies)
    server.shutdown()
    server.server_close()


def test_spans_reach_a_collector(collector: SimpleNamespace, settings: Settings) -> None:
    settings.TRACES_URL, settings.TRACES_RATIO = collector.url, 1.0
    made = provider.start("web")
    try:
        with provider.tracer().start_as_current_span("GET /healthz"):
            pass
        assert made.force_flush()
    finally:
        made.shutdown()
        provider._Started.tracer = NoOpTracer()
    (body,) = [ExportTraceServiceRequest.FromString(compressed) for compressed in collector.bodies]
    resource = body.resource_spans[0]
    assert {item.key: item.value.string_value for item in resource.resource.attributes}["custody.program"] == "web"
    assert resource.scope_spans[0].spans[0].name == "GET /healthz"


def test_nothing_is_traced_without_the_setting(settings: Settings) -> None:
    def application(_environ: object, _start: object) -> list[bytes]:
        return []

    settings.TRACES_URL = ""
    assert with_tracing(application) is application
    start_worker_tracing()


@pytest.mark.process
def test_nothing_is_imported_without_the_setting() -> None:
    code = (
        "import sys, os; os.environ.pop('CUSTODY_TRACES_URL', None); import config.wsgi;"
        " sys.exit(any(name.startswith(('config.tracing.provider', 'opentelemetry.exporter')) for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
