"""Storing the file of spans that older clients write for each trace, and the spans in it."""

from __future__ import annotations

import io
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction

from audit.actions import Action
from core.actors import Actor
from traces.files import SPANS_FILE, artifact_folder
from traces.models import Trace
from traces.permissions import require_trace
from traces.services.spans import store_file_spans
from traces.spans import SpanData
from tracking.artifacts import place_blob, refuse_unusable_path
from tracking.permissions.runs import Change
from tracking.store import current_store


def store_spans_file(*, actor: Actor, trace: Trace, content: bytes, spans: Sequence[SpanData]) -> None:
    """Store the file of a trace unchanged, and the spans that were read from it.

    The bytes go to the store before the database is locked. Raises as `tracking.artifacts.store_artifact` and
    `traces.services.spans.record_spans` do; then neither the file nor a span is stored.
    """
    path = f"{artifact_folder(trace)}/{SPANS_FILE}"
    require_trace(actor, trace, Change.EVIDENCE, Action.TRACKING_ARTIFACT_STORED)
    refuse_unusable_path(path)
    blob = current_store().put(io.BytesIO(content), limit=settings.MAX_ARTIFACT_BYTES)
    with transaction.atomic():
        store_file_spans(actor=actor, trace=trace, spans=spans)
        place_blob(actor=actor, path=path, blob=blob)
