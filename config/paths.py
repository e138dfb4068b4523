"""Paths of MLflow clients with more slashes than needed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

# The part of a path that names an RPC or the artifact proxy.
_MLFLOW = re.compile(r"/+(?:ajax-)?api/+\d\.0/+(?:mlflow-artifacts/+artifacts(?=/|$)|(?:mlflow|preview)/.*)", re.DOTALL)


def with_single_slashes(application: WSGIApplication) -> WSGIApplication:
    """Return the application with every path as `single_slashes` returns it."""

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if "//" in environ["PATH_INFO"]:
            environ["PATH_INFO"] = single_slashes(environ["PATH_INFO"])
        return application(environ, start_response)

    return serve


def single_slashes(path: str) -> str:
    """Return the path of a client whose tracking URI ends in a slash, or which joins names with two.

    MLflow's servers redirect such a request. The name of an artifact is left as it is, and so is every path that is
    not MLflow's but for its beginning.
    """
    path = "/" + path.lstrip("/")
    api = _MLFLOW.match(path)
    return re.sub("/+", "/", api[0]) + path[api.end() :] if api else path
