"""One dispatcher for every MLflow RPC: authenticate → parse → the handler (service, render) → JSON.

A handler is registered once with `@rpc` and served under both /api and /ajax-api. Routes that do not speak JSON (the
artifact proxy) use `protected`, which gives them the same authentication and errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, re_path
from django.views.decorators.csrf import csrf_exempt

from accounts.authentication import actor_from_request, require_scope
from audit.actions import Action
from audit.services import record_denial
from core.actors import Actor, Scope, anonymous_actor
from core.errors import Denied, DomainError, NotAuthenticated, Unavailable
from mlflow_api.errors import domain_response, error_response, unexpected_response
from mlflow_api.long_lists import LongList, json_response
from mlflow_api.parse import Params, read_params

PREFIXES = ("api", "ajax-api")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_VARIABLE = re.compile(r"\{(\w+)(:path)?\}")

Handler = Callable[[Actor, Params], dict[str, object] | LongList]


class View(Protocol):
    """A plain view behind `protected`."""

    def __call__(self, request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponseBase: ...


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC: method and path below `/api/<version>/<area>/`.

    ``area`` is `mlflow`, `preview/mlflow` or `permissions`; ``write`` is whether a token needs the write scope.
    """

    method: str
    path: str
    handler: Handler
    write: bool
    version: str
    area: str = "mlflow"


REGISTERED: list[Rpc] = []


def rpc(
    method: str,
    path: str,
    *,
    write: bool | None = None,
    version: str = "2.0",
    area: str = "mlflow",
) -> Callable[[Handler], Handler]:
    """Register a handler. ``write``: whether it needs the write scope; by default every method but GET does."""

    def register(handler: Handler) -> Handler:
        writes = method != "GET" if write is None else write
        REGISTERED.append(Rpc(method, path, handler, writes, version, area))
        return handler

    return register


def protected(view: View, *, scope: Callable[[HttpRequest], Scope] | None = None) -> Callable[..., HttpResponseBase]:
    """Wrap a plain view: it requires authentication, returns errors in MLflow's format and records denials."""

    @csrf_exempt
    def guarded(request: HttpRequest, **path_values: str) -> HttpResponseBase:
        actor = anonymous_actor(request_id=getattr(request, "request_id", ""))
        try:
            actor = authenticate(request)
            needed = scope(request) if scope else _scope_of(request)
            require_scope(actor, needed, action=Action.API_CALLED, obj=request.path[:500])
            return view(request, actor, **path_values)
        except Denied as error:
            return _denied(actor, error)
        except DomainError as error:
            return domain_response(error)
        except Exception as error:  # noqa: BLE001 - the last resort: clients must get JSON, the log the traceback
            return unexpected_response(request, error)

    return guarded


def _denied(actor: Actor, error: Denied) -> HttpResponse:
    """Record a refusal and return its response; 503 where it cannot be recorded."""
    try:
        record_denial(actor=actor, error=error)
    except Unavailable as failure:
        return domain_response(failure)
    return domain_response(error)


def authenticate(request: HttpRequest) -> Actor:
    """Return the actor of a call. A session is accepted for reading only, so another site's form cannot forge a write.

    Raises NotAuthenticated.
    """
    if not request.headers.get("Authorization") and request.method not in _SAFE:
        raise NotAuthenticated(
            "Send an API token: MLFLOW_TRACKING_TOKEN, or as the password of MLFLOW_TRACKING_USERNAME."
        )
    return actor_from_request(request)


def _scope_of(request: HttpRequest) -> Scope:
    return Scope.REGISTRY_READ if request.method in _SAFE else Scope.REGISTRY_WRITE


def _view_of(rpcs: dict[str, Rpc]) -> Callable[..., HttpResponseBase]:
    """Return the view of one path: the RPC for the request's method."""

    def call(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponseBase:
        rpc = rpcs.get(request.method or "")
        if rpc is None:
            allowed = ", ".join(sorted(rpcs))
            response = error_response(405, "ENDPOINT_NOT_FOUND", f"This endpoint answers {allowed} only.")
            response["Allow"] = allowed
            return response
        params = read_params(request, path_values)
        params.base_url = f"{request.scheme}://{request.get_host()}"
        return json_response(rpc.handler(actor, params))

    def scope(request: HttpRequest) -> Scope:
        rpc = rpcs.get(request.method or "")
        return Scope.REGISTRY_WRITE if rpc and rpc.write else Scope.REGISTRY_READ

    return protected(call, scope=scope)


def _unknown(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponse:  # noqa: ARG001 - a view
    return error_response(404, "ENDPOINT_NOT_FOUND", f"There is no endpoint {request.path[:200]}.")


def _group(variable: re.Match[str]) -> str:
    """Return the group for one variable of a path; only ``{name:path}`` may span slashes."""
    return rf"(?P<{variable[1]}>[\s\S]+)" if variable[2] else f"(?P<{variable[1]}>[^/]+)"


def _by_path() -> list[tuple[tuple[str, str, str], dict[str, Rpc]]]:
    """Return (version, path, area) with the RPCs by method, fixed paths before those with variables."""
    paths: dict[tuple[str, str, str], dict[str, Rpc]] = {}
    for entry in REGISTERED:
        paths.setdefault((entry.version, entry.path, entry.area), {})[entry.method] = entry
    return sorted(paths.items(), key=lambda item: ("{" in item[0][1], item[0]))


def rpc_views() -> dict[str, Callable[..., HttpResponseBase]]:
    """Return the view of every registered RPC whose path has no variables, by the whole path (config/fast_path.py)."""
    return {
        f"/{prefix}/{version}/{area}/{path}": _view_of(rpcs)
        for (version, path, area), rpcs in _by_path()
        for prefix in PREFIXES
        if "{" not in path
    }


def rpc_urls() -> list[URLPattern]:
    """Return the URL patterns of every registered RPC under both prefixes, fixed paths before those with variables."""
    prefixes = "|".join(PREFIXES)
    patterns = []
    for (version, path, area), rpcs in _by_path():
        route = _VARIABLE.sub(_group, path)
        patterns.append(re_path(rf"^(?:{prefixes})/{re.escape(version)}/{area}/{route}$", _view_of(rpcs)))
    patterns.append(
        re_path(rf"^(?:{prefixes})/\d\.0/(?:mlflow|mlflow-artifacts|permissions|preview)/.*$", protected(_unknown))
    )
    return patterns
