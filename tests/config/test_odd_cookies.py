"""A cookie that no browser of ours sends is no session, and never an error of the server."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

PATHS = (
    *("/admin/", "/admin/login/", "/models/", "/healthz", "/metrics", "/api/v1/models", "/api/v1/models/x/production"),
    "/api/2.0/mlflow/experiments/search",
)
# Quotes allow bytes in octal: a NUL byte, one that is no UTF-8, and half of a character.
VALUES = (
    r'"abcdefghij\000klmn"',
    r'"\377abcdefghij"',
    r'"abcdefgh\355\240\200"',
    "abcdefghij%00",
    "abcdefgh' OR 1=1 --",
    "a" * 5000,
)


@pytest.mark.django_db
@pytest.mark.parametrize("cookie", [settings.SESSION_COOKIE_NAME, "csrftoken", "messages"])
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_an_odd_cookie_is_no_session(cookie: str, value: str) -> None:
    client = Client(raise_request_exception=False)
    for path in PATHS:
        expected = client.get(path).status_code
        assert client.get(path, HTTP_COOKIE=f"{cookie}={value}").status_code == expected, path
        assert client.post(path, {"a": "b"}, HTTP_COOKIE=f"{cookie}={value}").status_code < 500, path
