"""The locations of the files of a trace: its spans as older clients write them (`traces.json`), and attachments."""

from __future__ import annotations

import re

from core.errors import InvalidInput
from traces.models import Trace
from tracking.paths import key_of_uri

SPANS_FILE = "traces.json"
_SPANS_PATH = re.compile(rf"(?P<folder>.+)/traces/(?P<trace>[^/]+)/artifacts/{re.escape(SPANS_FILE)}")


def artifact_location(trace: Trace) -> str:
    """Return the URI of the folder for the files of a trace, below its experiment's."""
    return f"{trace.experiment.artifact_location}/traces/{trace.pk}/artifacts"


def artifact_folder(trace: Trace) -> str:
    """Return the folder of a trace's files in this server's store, "" where its experiment's files are elsewhere."""
    try:
        return key_of_uri(artifact_location(trace))
    except InvalidInput:
        return ""


def trace_of_path(path: str) -> Trace | None:
    """Return the trace whose file of spans has this path, None for every other path."""
    match = _SPANS_PATH.fullmatch(path)
    if match is None:
        return None
    trace = Trace.objects.select_related("experiment").filter(pk=match["trace"]).first()
    return trace if trace and artifact_folder(trace) == path.rpartition("/")[0] else None
