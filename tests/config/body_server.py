"""A small WSGI application behind the limits of request bodies, for a real server."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.bodies.granian_protocol import hand_on_protocol
from config.bodies.receive import with_received_bodies


def count_bytes(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer the number of bytes in the body. API routes without credentials are 401, unread."""
    status, text = "200 OK", b"0"
    if environ["PATH_INFO"].startswith("/api/") and not environ.get("HTTP_AUTHORIZATION"):
        status, text = "401 Unauthorized", b""
    elif environ["REQUEST_METHOD"] == "POST":
        text = str(len(environ["wsgi.input"].read())).encode()
    start_response(status, [("Content-Length", str(len(text)))])
    return [text]


hand_on_protocol()
application = with_received_bodies(count_bytes)
