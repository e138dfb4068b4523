"""The two most frequent lookups of MLflow clients, answered before Django's middleware (config/fast_path.py).

Only successful lookups are answered here. Every other call is answered by the RPC of the same path in
`mlflow_api.registered_models`.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson
from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict

from core.errors import DomainError
from mlflow_api import render_registry as render
from mlflow_api.dispatch import PREFIXES
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json
from registry.production.lookups import latest_by_stage, version_of_alias
from registry.stages import parse_stage

Lookup = Callable[[str, Params], Json | None]


def _latest_versions(authorization: str, q: Params) -> Json | None:
    stages = [parse_stage(stage) for stage in q.texts("stages")]
    versions = latest_by_stage(authorization, q.need("name"), stages)
    return {"model_versions": [render.shown_version(version) for version in versions]} if versions else None


def _by_alias(authorization: str, q: Params) -> Json | None:
    version = version_of_alias(authorization, q.need("name"), q.need("alias"))
    return {"model_version": render.shown_version(version)} if version else None


LOOKUPS: dict[str, Lookup] = {
    f"/{prefix}/2.0/mlflow/registered-models/{path}": lookup
    for prefix in PREFIXES
    for path, lookup in {"get-latest-versions": _latest_versions, "alias": _by_alias}.items()
}


def lookup_json(lookup: Lookup, authorization: str, query: str) -> bytes | None:
    """Return the JSON of a successful lookup, None where the RPC must answer instead.

    ``query`` is the query string as WSGI passes it.
    """
    try:
        answer = lookup(authorization, Params(QueryDict(query.encode("latin-1")), from_query=True))
    except (DomainError, SuspiciousOperation, UnicodeError):
        return None
    return None if answer is None else orjson.dumps(answer)
