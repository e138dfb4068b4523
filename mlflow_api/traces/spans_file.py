"""Upload of the file of spans that clients before MLflow 3.4 send for each trace (`traces.json`)."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core.actors import Actor
from core.errors import DomainError, TooLarge
from mlflow_api.uploads import Upload
from traces.models import Trace
from traces.services.files import store_spans_file
from traces.span_files import read_spans


def upload_spans_file(request: HttpRequest, actor: Actor, trace: Trace) -> HttpResponse:
    """Store the request's body as the file of a trace, and its spans; the answer is an empty 200."""
    source = Upload(request)
    try:
        content = _read(source)
        store_spans_file(actor=actor, trace=trace, content=content, spans=read_spans(content, trace_id=trace.pk))
    except DomainError:
        source.drain()
        raise
    return HttpResponse(b"")


def _read(source: Upload) -> bytes:
    limit, pieces, size = settings.MAX_TRACE_REQUEST_BYTES, [], 0
    while piece := source.read():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise TooLarge(f"The spans of a trace may take at most {limit} bytes (CUSTODY_MAX_TRACE_REQUEST_BYTES).")
    return b"".join(pieces)
