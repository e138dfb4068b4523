"""The form of an error of /scim/v2 (RFC 7644, section 3.12). It needs no models: limits of bodies use it, too."""

from __future__ import annotations

MEDIA_TYPE = "application/scim+json"
_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


def error_document(status: int, detail: str, kind: str = "") -> dict[str, object]:
    """Return an error as SCIM has it: its status is a text."""
    document: dict[str, object] = {"schemas": [_SCHEMA], "status": str(status), "detail": detail}
    return document | ({"scimType": kind} if kind else {})
