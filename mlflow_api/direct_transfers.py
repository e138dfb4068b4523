"""Uploads in parts and presigned downloads, made directly at an S3 bucket; 501 for any other store."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import URLPattern, re_path

from core.actors import Actor, Scope
from core.errors import InvalidInput
from mlflow_api import render_tracking as render
from mlflow_api.artifacts import type_of
from mlflow_api.dispatch import protected
from mlflow_api.errors import ProtocolError, error_response
from mlflow_api.parse import Params, read_params
from tracking import queries
from tracking.paths import clean_path
from tracking.services import direct_transfers as direct
from tracking.store import direct_store

Json = dict[str, object]
_EXPIRES = 300
# No store signs for longer than seven days.
_MAX_EXPIRES = 604_800
_LAST_NAME = re.compile(r"[^/]*\Z")
_LAST_NAME_ON_WINDOWS = re.compile(r"[^/\\]*\Z")


def create_upload(actor: Actor, path: str, q: Params) -> Json:
    """MLflow `mpu/create`: begin an upload in parts; return its id and a presigned URL for each part.

    Raises InvalidInput (path, number of parts), Conflict (the path is sealed), TooLarge.
    """
    number = q.integer("num_parts")
    upload, urls = direct.begin_upload(actor=actor, path=path, parts=1 if number is None else number)
    credentials = [{"url": url, "part_number": number} for number, url in enumerate(urls, start=1)]
    return {"upload_id": upload.pk, "credentials": credentials}


def complete_upload(actor: Actor, path: str, q: Params) -> Json:
    """MLflow `mpu/complete`: make an artifact of the parts that were sent.

    Raises NotFound (no such upload of the actor), InvalidInput (parts), Conflict (the path is sealed, or the upload was
    aborted), TooLarge, Unavailable (another call is still reading the upload).
    """
    parts = [(part.need_integer("part_number"), part.need("etag")) for part in q.items("parts")]
    direct.complete_upload(actor=actor, upload_id=q.need("upload_id"), path=path, parts=parts)
    return {}


def abort_upload(actor: Actor, path: str, q: Params) -> Json:
    """MLflow `mpu/abort`: discard an upload and its parts. Raises NotFound (no such upload of the actor)."""
    direct.abort_upload(actor=actor, upload_id=q.need("upload_id"), path=path)
    return {}


def _upload_view(handler: Callable[[Actor, str, Params], Json]) -> Callable[..., HttpResponseBase]:
    def view(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponseBase:
        _allow(request, "POST")
        _require_store("Multipart upload")
        q = read_params(request, {})
        # The URL names the folder. The body has the path of the file on the client's machine, of which only the last
        # name is used.
        client_path = q.need("path")
        name = (_LAST_NAME if client_path.startswith("/") else _LAST_NAME_ON_WINDOWS).search(client_path)
        return JsonResponse(handler(actor, f"{path_values['folder']}/{name[0] if name else ''}", q))

    return protected(view)


def presigned(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponseBase:
    """Return a presigned URL of a file and its size in bytes.

    Raises NotFound, InvalidInput (path), ProtocolError (501: the store is not a bucket).
    """
    _allow(request, "GET")
    _require_store("Multipart download")
    row, url = direct.presign_download(
        actor=actor, path=path_values["path"], content_type=type_of, expires=timedelta(seconds=_EXPIRES)
    )
    return JsonResponse({"url": url, "headers": {}, "file_size": row.size})


def presigned_of_run(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponseBase:  # noqa: ARG001 - one signature for all
    """Return a presigned URL of a run's file and its size in bytes.

    Raises NotFound, InvalidInput (path, lifetime), ProtocolError (501: the store is not a bucket).
    """
    _allow(request, "POST")
    _require_store("Presigned download")
    q = read_params(request, {})
    expiration = q.integer("expiration", _EXPIRES)
    if expiration is None or not 1 <= expiration <= _MAX_EXPIRES:
        raise InvalidInput(f"expiration must be between 1 and {_MAX_EXPIRES} seconds (got {expiration}).")
    run = queries.get_run(actor, q.need("run_id"))
    path = f"{render.root_of(run.artifact_uri)}/{clean_path(q.need('path'))}"
    row, url = direct.presign_download(
        actor=actor, path=path, content_type=type_of, expires=timedelta(seconds=expiration)
    )
    return JsonResponse({"presigned_url": url, "file_size": row.size})


def no_presigned_upload(request: HttpRequest, actor: Actor, /, **path_values: str) -> HttpResponseBase:  # noqa: ARG001 - one signature for all
    """Refuse with 501: a presigned upload has no completing call, so a partial file could not be detected."""
    return error_response(501, "NOT_IMPLEMENTED", _unsupported("Presigned upload"))


def _unsupported(feature: str) -> str:
    return f"{feature} is not supported for the current artifact repository"


def _require_store(feature: str) -> None:
    if direct_store() is None:
        raise ProtocolError(_unsupported(feature), error_code="NOT_IMPLEMENTED", status=501)


def _allow(request: HttpRequest, method: str) -> None:
    if request.method != method:
        raise ProtocolError(f"This endpoint answers {method} only.", error_code="ENDPOINT_NOT_FOUND", status=405)


def _read_scope(request: HttpRequest) -> Scope:  # noqa: ARG001 - the signature of a scope
    return Scope.REGISTRY_READ


_PROXY = r"^(?:api|ajax-api)/2\.0/mlflow-artifacts"
_RUNS = r"^(?:api|ajax-api)/2\.0/mlflow/artifacts"
urlpatterns: list[URLPattern] = [
    re_path(rf"{_PROXY}/mpu/create/(?P<folder>[\s\S]+)$", _upload_view(create_upload)),
    re_path(rf"{_PROXY}/mpu/complete/(?P<folder>[\s\S]+)$", _upload_view(complete_upload)),
    re_path(rf"{_PROXY}/mpu/abort/(?P<folder>[\s\S]+)$", _upload_view(abort_upload)),
    re_path(rf"{_PROXY}/presigned/(?P<path>[\s\S]+)$", protected(presigned)),
    re_path(rf"{_RUNS}/presigned-download-url$", protected(presigned_of_run, scope=_read_scope)),
    re_path(rf"{_RUNS}/presigned-upload-url$", protected(no_presigned_upload)),
]
