"""The artifact proxy: uploads and downloads files in pieces, so that no file is in memory as a whole."""

from __future__ import annotations

import mimetypes
import posixpath

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import URLPattern, re_path
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header

from audit.actions import Action
from core.actors import Actor
from core.byte_ranges import Span, Unsatisfiable, Window, span_of
from core.errors import DomainError
from mlflow_api import render_tracking as render
from mlflow_api.dispatch import protected
from mlflow_api.errors import error_response
from mlflow_api.traces.spans_file import upload_spans_file
from mlflow_api.uploads import Upload
from traces.files import trace_of_path
from tracking.artifacts import delete_artifact, get_artifact, list_artifacts, open_bytes, store_artifact
from tracking.models import Artifact
from tracking.paths import clean_folder, clean_path
from tracking.permissions.artifacts import is_listed, require_path, require_readable_path
from tracking.permissions.runs import Change
from tracking.store import CHUNK

# File types that MLflow's own server shows as text, whatever `mimetypes` returns. HTML is never shown, because files
# come from other people.
TEXT_EXTENSIONS = frozenset(
    "txt log err cfg conf cnf cf ini properties prop hocon toml yaml yml xml json js py py3 csv tsv md rst ipynb".split()  # noqa: SIM905 - reads better
)
TEXT_NAMES = frozenset({"mlmodel", "mlproject"})


class Download(FileResponse):
    """A file that is being sent, in pieces large enough for one system call each."""

    block_size = CHUNK // 4


def one_artifact(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponseBase:
    """GET, HEAD, PUT or DELETE one file. Raises InvalidInput, NotFound."""
    path = clean_path(path_values["path"])
    if request.method in {"GET", "HEAD"}:
        require_readable_path(actor, path)
        return download(request, path)
    if request.method == "PUT":
        return upload(request, actor, path)
    if request.method == "DELETE":
        delete_artifact(actor=actor, path=path)
        return JsonResponse({})
    return _wrong_method("GET, HEAD, PUT, DELETE")


def download(request: HttpRequest, path: str) -> HttpResponseBase:
    """Return a file, or the one range of it that is asked for, as an attachment. Its type follows from its name alone.

    Raises InvalidInput, NotFound.
    """
    row = get_artifact(path)
    etag = f'"{row.sha256}"'
    decided = get_conditional_response(request, etag=etag)
    if decided is not None:
        decided["ETag"] = etag
        return decided
    range_header = request.headers.get("Range", "") if request.method == "GET" else ""
    try:
        span = span_of(range_header, request.headers.get("If-Range", ""), size=row.size, etag=etag)
    except Unsatisfiable:
        response = error_response(416, "INVALID_PARAMETER_VALUE", f"The file has {row.size} bytes.")
        response["Content-Range"] = f"bytes */{row.size}"
        return response
    return _sent(request, row, span)


def _sent(request: HttpRequest, row: Artifact, span: Span | None) -> HttpResponseBase:
    name, file = posixpath.basename(row.path), open_bytes(row)
    whole = Span(0, row.size)
    response: HttpResponseBase
    if request.method == "HEAD":
        file.close()
        response = HttpResponse(b"", content_type=type_of(name))
        response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    else:
        window = Window(file, span or whole)
        response = Download(window, as_attachment=True, filename=name, content_type=type_of(name))
    if span is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{row.size}"
    response["Content-Length"] = (span or whole).length
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = f'"{row.sha256}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def type_of(name: str) -> str:
    """Return the Content-Type for a file name."""
    lower = name.lower()
    if lower in TEXT_NAMES or lower.rpartition(".")[2] in TEXT_EXTENSIONS:
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def upload(request: HttpRequest, actor: Actor, path: str) -> HttpResponse:
    """Store the request's body under ``path``; the answer is an empty 200.

    From the spans file of a trace, the spans are stored too. Raises NotFound.
    """
    trace = trace_of_path(path)
    if trace is not None:
        require_path(actor, path, Change.EVIDENCE, Action.TRACKING_ARTIFACT_STORED)
        return upload_spans_file(request, actor, trace)
    source = Upload(request)
    try:
        store_artifact(actor=actor, path=path, stream=source)
    except DomainError:
        source.drain()
        raise
    return HttpResponse(b"")


def folder(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponseBase:  # noqa: ARG001 - a view
    """List a folder; names are relative to it. A folder that the actor may not read is empty, as a missing one is.

    Raises InvalidInput.
    """
    if request.method != "GET":
        return _wrong_method("GET")
    root = clean_folder(request.GET.get("path", ""))
    entries = list_artifacts(root) if is_listed(actor, root) else []
    return JsonResponse(render.filled(files=render.files(entries, root=root)))


def _wrong_method(allowed: str) -> HttpResponse:
    response = error_response(405, "ENDPOINT_NOT_FOUND", f"This endpoint answers {allowed} only.")
    response["Allow"] = allowed
    return response


_BASE = r"^(?:api|ajax-api)/2\.0/mlflow-artifacts"
urlpatterns: list[URLPattern] = [
    re_path(rf"{_BASE}/artifacts$", protected(folder)),
    # [\s\S] and not (?s): Django cannot reverse any URL of the site past a pattern with an inline flag
    re_path(rf"{_BASE}/artifacts/(?P<path>[\s\S]+)$", protected(one_artifact)),
]
