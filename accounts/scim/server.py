"""Answers requests of an identity provider with scim2-server."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from scim2_models import PatchOp, ResourceType, SCIMException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService

from accounts.scim.schemas import provider
from accounts.scim.storage import Storage
from core.actors import Actor

_READS = frozenset({"GET", "HEAD"})
_SEARCH = "/.search"


def answer(request: HttpRequest, path: str, actor: Actor) -> HttpResponse:
    """Return the answer to a request of an actor who may provision. Raises domain errors and those of the database."""
    service = _service()
    method = "GET" if request.method == "HEAD" else request.method or ""
    writes = method not in _READS and not path.endswith(_SEARCH)
    scim_request = ScimRequest(
        method=method,
        base_url=(settings.BASE_URL or request.build_absolute_uri("/")).rstrip("/") + "/scim/v2",
        path=f"/{path}",
        query=request.GET.dict(),
        headers={"Content-Type": request.content_type or "", **_conditions(request)},
        body=request.body if method != "GET" else b"",
        subject=actor,
    )
    try:
        response = ScimHandler(service, Storage(actor, writes=writes)).handle(scim_request)
    except SCIMException as error:
        response = service.error_response(error)
    return _as_django(response)


class Service(ScimService):
    """The protocol, with one more habit of Microsoft Entra."""

    def read_patch(self, resource_type: ResourceType, body: bytes, content_type: str | None) -> PatchOp[Any]:
        """Return a validated PATCH.

        Entra removes members as `{"$ref": null, "value": "7"}`, in which scim2-models compares the null as well.
        """
        document = self.decode_body(body, content_type)
        operations = document.get("Operations") if isinstance(document, dict) else None
        for operation in operations if isinstance(operations, list) else []:
            _drop_nulls(operation)
        return super().read_patch(resource_type, json.dumps(document).encode(), content_type)


def _drop_nulls(operation: Any) -> None:
    if not isinstance(operation, dict) or not isinstance(operation.get("value"), list):
        return
    operation["value"] = [
        {name: value for name, value in each.items() if value is not None} if isinstance(each, dict) else each
        for each in operation["value"]
    ]


@cache
def _service() -> Service:
    return Service(provider())


def _conditions(request: HttpRequest) -> dict[str, str]:
    return {name: request.headers[name] for name in ("If-Match", "If-None-Match") if name in request.headers}


def _as_django(response: ScimResponse) -> HttpResponse:
    body: dict[str, Any] | None = response.body
    content = b"" if body is None else json.dumps(body).encode()
    converted = HttpResponse(content, status=int(response.status))
    for name, value in response.headers.items():
        converted[name] = value
    return converted
