"""Errors outside of views (unknown routes, refused hosts, failures): problem+json below /api/, pages elsewhere."""

from __future__ import annotations

import json
import sys

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template import loader
from django.views import defaults

from core.outages import RETRY_AFTER, is_outage, outage_message

_API = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 400."""
    if request.path.startswith(_API):
        return problem_document(400, "invalid", "The request is malformed.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 403."""
    if request.path.startswith(_API):
        return problem_document(403, "denied", "You may not do this.")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 404."""
    if request.path.startswith(_API):
        detail = f"There is no route {request.path[:200]}. GET /api/v1/schema lists the routes; the page /api-docs/ shows them."
        return problem_document(404, "not_found", detail)
    return defaults.page_not_found(request, exception)


def unavailable(request: HttpRequest, error: BaseException) -> HttpResponseBase:
    """Answer 503: something that this server needs does not answer. The page needs no database."""
    if request.path.startswith(_API):
        answer = problem_document(503, "unavailable", outage_message(error))
    else:
        answer = HttpResponse(loader.render_to_string("503.html", {"message": outage_message(error)}), status=503)
    answer["Retry-After"] = RETRY_AFTER
    return answer


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer 500, or 503 where the error is an outage: no middleware sees an outage before the view is called."""
    error = sys.exc_info()[1]
    if error is not None and is_outage(error):
        return unavailable(request, error)
    if request.path.startswith(_API):
        return problem_document(500, "server_error", "The server failed. Its log has the reason under this request id.")
    return defaults.server_error(request)


def problem_document(status: int, kind: str, detail: str) -> HttpResponse:
    """Return a problem document (RFC 9457) for a place where DRF does not render."""
    body = {
        "type": f"urn:custody:error:{kind}",
        "title": kind.replace("_", " "),
        "status": status,
        "detail": detail,
    }
    return HttpResponse(json.dumps(body), status=status, content_type="application/problem+json")
