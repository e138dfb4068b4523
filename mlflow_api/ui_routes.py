"""The routes that MLflow's own pages use, outside its RPCs: scripts call them too."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path, re_path

from core.actors import Actor
from core.errors import InvalidInput, NotFound, TooLarge
from mlflow_api import render_tracking as render
from mlflow_api.artifacts import download, upload
from mlflow_api.dispatch import protected, rpc
from mlflow_api.errors import ProtocolError
from mlflow_api.parse import Params
from registry.queries import get_version
from registry.sources import download_uri
from tracking import queries
from tracking.paths import clean_path
from tracking.search.history import bulk_history

Json = dict[str, object]
# The limit of MLflow's server; larger files go through the artifact proxy.
MAX_UPLOAD = 10 * 1024 * 1024


@rpc("GET", "metrics/get-history-bulk")
def get_history_bulk(actor: Actor, q: Params) -> Json:
    """MLflow `metrics/get-history-bulk`: return the values of a metric in several runs, run by run and by time.

    Runs that do not exist have no values. Raises InvalidInput (no key, no or too many runs, page size).
    """
    key = _need(q, "metric_key", "GetMetricHistoryBulk request must specify a metric_key.")
    points = bulk_history(actor=actor, run_ids=q.texts("run_id"), key=key, max_results=q.integer("max_results"))
    return {"metrics": [render.metric(point, run_id=point.run_id) for point in points]}


def _need(q: Params, name: str, message: str) -> str:
    """Return a required field.

    Raises InvalidInput with ``message``, MLflow's own text for this route, where it is missing.
    """
    if not (value := q.text(name)):
        raise InvalidInput(message)
    return value


def _allow(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        allowed = ", ".join(methods)
        raise ProtocolError(f"This endpoint answers {allowed} only.", error_code="ENDPOINT_NOT_FOUND", status=405)


def _query_of(request: HttpRequest) -> Params:
    return Params(request.GET, from_query=True)


def file_of_run(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponseBase:  # noqa: ARG001 - a view
    """GET /get-artifact?run_id&path: return a file of a run. Raises InvalidInput, ProtocolError."""
    _allow(request, "GET", "HEAD")
    q = _query_of(request)
    below = clean_path(q.need("path"))
    run = queries.get_run(actor, q.text("run_id") or q.need("run_uuid"))
    return download(request, f"{render.root_of(run.artifact_uri)}/{below}")


def file_of_version(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponseBase:  # noqa: ARG001 - a view
    """GET /model-versions/get-artifact?name&version&path: return a file of a model version.

    Raises InvalidInput, ProtocolError, NotFound (also for files that are stored outside this server).
    """
    _allow(request, "GET", "HEAD")
    q = _query_of(request)
    below = clean_path(q.need("path"))
    version = q.integer("version")
    if version is None:
        q.need("version")
    version_row = get_version(actor, q.need("name"), version or 0)
    if not version_row.artifact_path:
        raise NotFound(f"The files of this version are at {download_uri(version_row)}, not on this server.")
    return download(request, f"{version_row.artifact_path}/{below}")


def file_of_logged_model(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponseBase:
    """GET …/logged-models/{model_id}/artifacts/files?artifact_file_path: return a file of a logged model.

    Raises InvalidInput, ProtocolError.
    """
    _allow(request, "GET", "HEAD")
    below = clean_path(_query_of(request).need("artifact_file_path"))
    model = queries.get_logged_model(actor, path_values["model_id"])
    return download(request, f"{render.root_of(model.artifact_uri)}/{below}")


def upload_to_run(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponse:  # noqa: ARG001 - a view
    """POST …/upload-artifact?run_uuid&path: store the body as a file of a run.

    Raises InvalidInput, ProtocolError, TooLarge.
    """
    _allow(request, "POST")
    q = _query_of(request)
    run_id = _need(q, "run_uuid", "Request must specify run_uuid.")
    below = clean_path(_need(q, "path", "Request must specify path."))
    length = int(request.headers.get("Content-Length") or 0)
    if length > MAX_UPLOAD:
        raise TooLarge("Artifact size is too large. Max size is 10MB.")
    if length == 0:
        raise InvalidInput("Request must specify data.")
    run = queries.get_run(actor, run_id)
    return upload(request, actor, f"{render.root_of(run.artifact_uri)}/{below}")


_MLFLOW = r"^(?:api|ajax-api)/2\.0/mlflow"
urlpatterns: list[URLPattern] = [
    path("get-artifact", protected(file_of_run)),
    path("model-versions/get-artifact", protected(file_of_version)),
    re_path(rf"{_MLFLOW}/upload-artifact$", protected(upload_to_run)),
    re_path(rf"{_MLFLOW}/logged-models/(?P<model_id>[^/]+)/artifacts/files$", protected(file_of_logged_model)),
]
