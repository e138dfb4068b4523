"""The headers of a delivery in MLflow's format, which follows Standard Webhooks, and in Databricks' format."""

from __future__ import annotations

import base64
import hashlib
import hmac


def signature(secret: str, delivery_id: str, timestamp: str, body: str) -> str:
    """Return `v1,` and the base64 HMAC-SHA256 over "delivery_id.timestamp.body"."""
    content = f"{delivery_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest()).decode()


def headers_of(*, delivery_id: str, timestamp: int, body: str, secret: str) -> dict[str, str]:
    """Return the headers of one attempt at ``timestamp`` (seconds since 1970), without a signature for no secret."""
    headers = {
        "Content-Type": "application/json",
        "X-MLflow-Delivery-Id": delivery_id,
        "X-MLflow-Timestamp": str(timestamp),
    }
    if secret:
        headers["X-MLflow-Signature"] = signature(secret, delivery_id, str(timestamp), body)
    return headers


def databricks_headers_of(*, delivery_id: str, body: str, secret: str, authorization: str) -> dict[str, str]:
    """Return the headers of one attempt in Databricks' format, which signs only the body, and Custody's delivery id."""
    headers = {"Content-Type": "application/json", "X-Custody-Delivery-Id": delivery_id}
    if authorization:
        headers["Authorization"] = authorization
    if secret:
        headers["X-Databricks-Signature"] = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    return headers
