"""Paths of MLflow clients whose tracking URI ends in a slash."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication


def with_single_slashes(application: WSGIApplication) -> WSGIApplication:
    """Return the application with every path as `single_slashes` returns it."""

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        environ["PATH_INFO"] = single_slashes(environ["PATH_INFO"])
        return application(environ, start_response)

    return serve


def single_slashes(path: str) -> str:
    """Return the path with one slash at its beginning.

    Slashes inside a path stay: a proxy that guards a path must not be passed by another spelling of it.
    """
    return "/" + path.lstrip("/") if path.startswith("//") else path
