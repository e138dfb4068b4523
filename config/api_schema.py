"""The OpenAPI document of /api/v1. Importing this module registers its authentication schemes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from core.rest import ApiView, accepts


class SchemaView(ApiView, SpectacularJSONAPIView):
    """GET: this API as an OpenAPI document."""

    @accepts(responses=OpenApiTypes.OBJECT, exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the OpenAPI document."""
        answer: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]  # untyped there
        return answer


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its base registers subclasses
    """An API token as Bearer (or as the password of Basic)."""

    target_class = "config.api_auth.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002 - the extension's signature
        """Return the scheme of API tokens."""
        return {"type": "http", "scheme": "bearer", "description": "An API token, also as the password of Basic."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # likewise
    """The cookie of somebody who signed in."""

    target_class = "config.api_auth.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002 - the extension's signature
        """Return the scheme of the session cookie."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "Writing needs the CSRF token."}
