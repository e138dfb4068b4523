"""Passes granian's protocol object of a request to the application, so that another thread can answer the request.
granian does not pass it to WSGI applications.

Its worker wraps the application in a function that receives the object; this module wraps that function. granian is
pinned in requirements.txt, and tests/config/test_slow_bodies.py fails where a new version of granian works differently.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

PROTOCOL = "custody.protocol"


def hand_on_protocol() -> None:
    """Wrap granian's function so that it sets ``environ[PROTOCOL]``. Does nothing outside a worker of granian."""
    workers = sys.modules.get("granian.server.mp")
    if workers is None:
        return
    wrapped_by_granian = workers._wsgi_call_wrap  # noqa: SLF001 - see above

    def wrap(*arguments: Any) -> Callable[[Any, dict[str, Any]], Any]:
        serve = wrapped_by_granian(*arguments)

        def serve_with_protocol(protocol: Any, scope: dict[str, Any]) -> Any:
            scope[PROTOCOL] = protocol
            return serve(protocol, scope)

        return serve_with_protocol

    workers._wsgi_call_wrap = wrap  # type: ignore[attr-defined]  # noqa: SLF001 - see above
