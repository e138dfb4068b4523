"""Version and capabilities of this server, without a login."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from tracking.store import direct_store


@csrf_exempt
@require_safe
def health(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view
    """Return "OK" while the web process runs."""
    return HttpResponse("OK", content_type="text/plain; charset=utf-8")


@csrf_exempt
@require_safe
def version(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view
    """Return the MLflow version whose protocol this server implements."""
    return HttpResponse(settings.MLFLOW_PROTOCOL_VERSION, content_type="text/plain; charset=utf-8")


@require_safe
def server_info(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view
    """Return the features that clients may use; direct transfers only where the store is a bucket."""
    is_direct = direct_store() is not None
    return JsonResponse(
        {
            "store_type": "SqlStore",
            "artifact_serving_enabled": True,
            "artifacts_presigned_only": False,
            "multipart_uploads_enabled": is_direct,
            "multipart_downloads_enabled": is_direct,
            "presigned_upload_run_id_supported": False,
            "presigned_upload_model_id_supported": False,
            "model_artifact_presigned_downloads_supported": False,
            "workspaces_enabled": False,
            "trace_archival_enabled": False,
            "features_enabled": {"gateway": False, "scheduled_issue_detection": False},
            "tracking_auth": "token",
        }
    )


urlpatterns: list[URLPattern] = [
    path("health", health),
    path("version", version),
    re_path(r"^(?:api|ajax-api)/3\.0/mlflow/server-info$", server_info),
]
