"""A small HTTP client for Custody's APIs, of the standard library only: with an API token, or signed in as a person.

It imports no code of the server, as any other client.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.cookiejar import CookieJar
from typing import Any

TIMEOUT_SECONDS = 60
MLFLOW = "/api/2.0/mlflow/"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
REST = "/api/v1/"


class Refused(Exception):
    """The server answered with an error. ``body`` is its JSON, or {} where it sent none."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.body = _object(text)
        super().__init__(f"{status}: {self.body.get('message') or self.body.get('detail') or text[:300]}")

    @property
    def blocked_by(self) -> list[dict[str, str]]:
        """The rules of the gate that are not met; none for other errors."""
        return list(self.body.get("blocked_by", []))


class Client:
    """Calls one server with one token and JSON bodies.

    Each call opens a connection: a replay makes some hundreds of calls, too few for a pool. Raises ValueError for a
    URL that is not http.
    """

    def __init__(self, url: str, *, token: str = "") -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"The address of the server must begin with http:// or https://, not {url!r}.")
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._opener = urllib.request.build_opener()

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a GET with a query, in which a list repeats its key. Raises Refused, ConnectionError."""
        parameters = urllib.parse.urlencode(query, doseq=True) if query else ""
        return self.call("GET", f"{path}?{parameters}" if parameters else path)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a POST. Raises Refused, ConnectionError."""
        return self.call("POST", path, body)

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a PUT. Raises Refused, ConnectionError."""
        return self.call("PUT", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a PATCH. Raises Refused, ConnectionError."""
        return self.call("PATCH", path, body)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send one request and return the JSON object of the answer. Raises Refused, ConnectionError."""
        data = None if body is None else json.dumps(body).encode()
        return _object(self.send(method, path, data, content_type="application/json").decode())

    def put_file(self, path: str, content: bytes) -> None:
        """Store one artifact under a path of the artifact proxy. Raises Refused, ConnectionError."""
        self.send("PUT", ARTIFACTS + urllib.parse.quote(path), content, content_type="application/octet-stream")

    def send(self, method: str, path: str, data: bytes | None, *, content_type: str) -> bytes:
        """Send bytes and return the bytes of the answer.

        Raises Refused, or ConnectionError where the server does not answer.
        """
        headers = self._headers | self.more_headers(method)
        if data is not None:
            headers["Content-Type"] = content_type
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)  # noqa: S310 - http only
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode("utf-8", "replace")) from error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
            raise ConnectionError(f"{self.url} does not answer: {error}") from error

    def more_headers(self, method: str) -> dict[str, str]:  # noqa: ARG002 - those of a session depend on it
        """Return further headers for a request with this method."""
        return {}


class Session(Client):
    """A person who signs in through the login page as a browser does: with cookies, and the CSRF token on every write.

    PermissionError where the name or the password is wrong.
    """

    def __init__(self, url: str, *, username: str, password: str) -> None:
        super().__init__(url)
        self.name = username
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))
        self.send("GET", "/admin/login/", None, content_type="")
        form = {"username": username, "password": password, "csrfmiddlewaretoken": self._csrf(), "next": "/version"}
        kind = "application/x-www-form-urlencoded"
        self.send("POST", "/admin/login/", urllib.parse.urlencode(form).encode(), content_type=kind)
        if not any(cookie.name == "sessionid" for cookie in self._cookies):
            raise PermissionError(f"{username} could not sign in.")

    def more_headers(self, method: str) -> dict[str, str]:
        """Return the CSRF headers of a write."""
        if method in {"GET", "HEAD"}:
            return {}
        return {"X-CSRFToken": self._csrf(), "Referer": f"{self.url}/admin/"}

    def _csrf(self) -> str:
        return next((str(cookie.value) for cookie in self._cookies if cookie.name == "csrftoken"), "")


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
