"""The largest request body of each route, in bytes: one table for every interface.

A longer body is refused with 413 before it is read.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import IO

from django.conf import settings

from core.errors import TooLarge

_API = r"/+(?:ajax-)?api/\d\.0"
# Values of a batch are cut, not refused, and the profile of one dataset may have 16 million characters.
_BATCH = 20_000_000
_LIST = 16_000_000
# Spark has sent OpenLineage events of 23 MB.
_EVENTS = 32_000_000
# A card may have 1,000,000 bytes, which JSON escapes.
_CARD = 4_000_000
# An identity token has a few thousand bytes; anybody may send one.
_TOKEN = 64_000
_MLFLOW = 2_000_000
_PAGE = 2_000_000
_DEFAULT = 1_000_000

# The first pattern that matches the whole path decides. None: uploads, limited by CUSTODY_MAX_ARTIFACT_BYTES; -1:
# traces, limited by CUSTODY_MAX_TRACE_REQUEST_BYTES.
_TRACES = -1
_LIMITS: tuple[tuple[str, int | None], ...] = (
    (rf"{_API}/mlflow-artifacts/artifacts/.*", None),
    (rf"{_API}/mlflow/upload-artifact", None),
    (rf"{_API}/mlflow-artifacts/mpu/.*", _LIST),
    (rf"{_API}/mlflow/traces(?:/.*)?|/v1/traces", _TRACES),
    (rf"{_API}/mlflow/runs/log-(?:batch|inputs)", _BATCH),
    (rf"{_API}/mlflow/logged-models(?:/[^/]+/(?:tags|params))?", _BATCH),  # keys and values of any length
    (rf"{_API}/.*", _MLFLOW),
    (r"/api/v1/lineage(?:/batch)?/?", _EVENTS),
    (r"/api/v1/lineage(?:/.*)?", _LIST),
    (r"/api/v1/models/.*/card(?:/import)?", _CARD),
    (r"/api/v1/tokens/exchange", _TOKEN),
    (r"/+(?:ajax-)?api/.*", _DEFAULT),
    (r"/scim/v2(?:/.*)?", _DEFAULT),
    (r".*", _PAGE),
)
_COMPILED = tuple((re.compile(pattern, re.DOTALL), limit) for pattern, limit in _LIMITS)


@lru_cache(maxsize=1024)
def _table_limit(path: str) -> int | None:
    return next(limit for pattern, limit in _COMPILED if pattern.fullmatch(path))


def body_limit(path: str) -> int | None:
    """Return how many bytes a body for this path may have, None for uploads of artifacts."""
    limit = _table_limit(path[:500])
    return settings.MAX_TRACE_REQUEST_BYTES if limit == _TRACES else limit


def limited_body(stream: IO[bytes], path: str) -> bytes:
    """Return a body that is no longer than its route allows. Raises TooLarge."""
    limit = body_limit(path) or 0
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise TooLarge(f"The request body may hold at most {limit} bytes.")
    return body
