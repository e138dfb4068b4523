"""The counters of this process: requests, events, refusals and checks, for /metrics.

Several processes of a host write to files in the folder PROMETHEUS_MULTIPROC_DIR, which `manage.py up` names; /metrics
adds them up. Without it each process counts for itself. The files are mapped into memory, where a write to a full disk
ends the process; so their space is taken at the start, and where there is none the process counts for itself.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_KINDS = ("counter", "gauge_livesum", "histogram")  # of files
_BYTES = 1 << 20  # of each file; prometheus_client starts with as many


def _take_space() -> None:
    folder = os.environ.get(FOLDER)
    if not folder:
        return
    try:
        for kind in _KINDS:
            path = Path(folder) / f"{kind}_{os.getpid()}.db"
            with path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, _BYTES)
    except OSError:
        for kind in _KINDS:
            with contextlib.suppress(OSError):
                (Path(folder) / f"{kind}_{os.getpid()}.db").unlink()
        del os.environ[FOLDER]


_take_space()
from prometheus_client import Counter, Gauge, Histogram  # noqa: E402 - it reads the variable when it is imported

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

HTTP_REQUESTS = Counter(
    "custody_http_requests", "Requests by interface, method and status.", ["interface", "method", "status"]
)
HTTP_SECONDS = Histogram(
    "custody_http_request_seconds", "Seconds until an answer begins, by interface.", ["interface"], buckets=_SECONDS
)
EVENTS = Counter("custody_events", "Events of the audit log, by action and outcome.", ["action", "outcome"])
RATE_LIMITED = Counter("custody_rate_limited", "Requests that were answered 429, by limit.", ["limit"])
REFUSALS = Counter("custody_refusals", "Moves that were refused, by the rule that blocked them.", ["rule"])
EDGE_ANSWERS = Counter(
    "custody_edge_answers",
    "What waiting clients got: `changed`, `unchanged`, `refused` or `ended`.",
    ["answer"],
)
EDGE_SECONDS = Histogram(
    "custody_edge_promotion_seconds",
    "Seconds from a promotion until all clients with the same rights who waited for it were told.",
    buckets=_SECONDS,
)
DATABASE_POOL = Gauge(
    "custody_database_pool",
    "Connections of the pools of web processes and workers (`max`, `open`, `used`), and requests that are `waiting`.",
    ["state"],
    multiprocess_mode="livesum",
)
CHECK_SECONDS = Histogram(
    "custody_check_seconds",
    "Seconds that checks ran, by check and result.",
    ["check", "result"],
    buckets=(0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600),
)
