"""Paths of MLflow clients: their beginnings, and those of clients whose tracking URI ends in a slash."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from django.urls.resolvers import RoutePattern

_MLFLOW = re.compile(
    r"(?:ajax-)?api/\d\.0|(?:health|version)\Z|(?:model-versions/)?get-artifact|v1/|(?:ajax-api/)?graphql|gateway/"
)


class MlflowPaths(RoutePattern):
    """The empty route, for paths that begin like those of MLflow's protocol. Others skip its 150 routes."""

    def __init__(self) -> None:
        super().__init__("")

    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, int | str]] | None:
        """Return the whole path to look up among the routes of the protocol, None to skip them."""
        return (path, (), {}) if _MLFLOW.match(path) else None


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
