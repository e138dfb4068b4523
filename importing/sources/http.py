"""An HTTP client for an `mlflow server`. It uses the credentials of MLflow's environment variables, and retries."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from importing.sources.base import SourceError

TIMEOUT_SECONDS = 120
_RETRIED = {429, 500, 502, 503, 504}
_PAUSES = (0.5, 2.0, 5.0)


class ServerError(Exception):
    """The server answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(f"{status}: {message}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, because that would send the credentials to another server."""

    def redirect_request(self, *_arguments: object, **_named: object) -> None:
        """Return None, so that the redirect is an error."""
        return


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of an answer, read as they arrive."""

    answer: Any
    length: int | None

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, b"" at the end. Raises SourceError where the answer ends early."""
        try:
            return self._read(size)
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(f"The download did not complete: {error}") from error

    def _read(self, size: int) -> bytes:
        chunk = bytes(self.answer.read(size))
        # When the server closes the connection early, http.client returns nothing, and `length` says what is missing.
        if not chunk and size and self.length is not None and self.answer.length:
            raise SourceError(f"The download did not complete: {self.answer.length} bytes are missing.")
        return chunk


class Server:
    """A server and the credentials for it. ``environment`` has the variables MLFLOW_TRACKING_* of an MLflow client.

    Raises SourceError for an address that is not http or https.
    """

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SourceError(f"{url!r} is not the address of a server. Write http://host:port.")
        host = parts.netloc.rpartition("@")[2]
        self.url = urllib.parse.urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._headers = _credentials(parts, environment)
        handler = urllib.request.HTTPSHandler(context=_tls(environment))
        self._opener = urllib.request.build_opener(_NoRedirect, handler)

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a GET and return the JSON object of the answer. Raises ServerError, SourceError."""
        return self._json(_with(path, query), None)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a POST and return the JSON object of the answer. Raises ServerError, SourceError.

        Only searches, which write nothing, are sent by POST.
        """
        return self._json(path, json.dumps(body).encode())

    @contextmanager
    def open(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[Body]:
        """Send a GET and yield the body of the answer, to be read as it arrives. Raises ServerError, SourceError."""
        with self._send(_with(path, query), None) as answer:
            yield Body(answer, answer.length)

    def _json(self, path: str, data: bytes | None) -> dict[str, Any]:
        with self._send(path, data) as answer:
            try:
                value = json.loads(answer.read())
            except (ValueError, OSError, http.client.HTTPException) as error:
                raise SourceError(f"{self.url}{path.partition('?')[0]} did not answer with JSON: {error}") from error
        if not isinstance(value, dict):
            raise SourceError(
                f"{self.url}{path.partition('?')[0]} is not an MLflow server: its answer has another format."
            )
        return value

    def _send(self, path: str, data: bytes | None) -> Any:
        for pause in (*_PAUSES, None):
            try:
                return self._once(path, data)
            except ServerError as error:
                if error.status not in _RETRIED or pause is None:
                    raise
            except SourceError:
                if pause is None:
                    raise
            time.sleep(pause)
        raise AssertionError  # the last round returns or raises

    def _once(self, path: str, data: bytes | None) -> Any:
        headers = self._headers | ({"Content-Type": "application/json"} if data is not None else {})
        request = urllib.request.Request(self.url + path, data=data, headers=headers)  # noqa: S310 - http only, see __init__
        try:
            return self._opener.open(request, timeout=TIMEOUT_SECONDS)
        except urllib.error.HTTPError as error:
            raise ServerError(error.code, _message(error)) from error
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            raise SourceError(f"{self.url} does not answer: {getattr(error, 'reason', error)}") from error


def _credentials(parts: urllib.parse.SplitResult, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the Authorization header, {} without credentials.

    Credentials in the address come before those of the variables, and a password comes before a token.
    """
    user = urllib.parse.unquote(parts.username or "") or environment.get("MLFLOW_TRACKING_USERNAME", "")
    password = urllib.parse.unquote(parts.password or "") or environment.get("MLFLOW_TRACKING_PASSWORD", "")
    if user and password:
        return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
    token = environment.get("MLFLOW_TRACKING_TOKEN", "")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _tls(environment: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=environment.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None)
    if environment.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"true", "1"}:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _with(path: str, query: Mapping[str, Any] | None) -> str:
    parameters = urllib.parse.urlencode({key: value for key, value in (query or {}).items() if value != ""}, doseq=True)
    return f"{path}?{parameters}" if parameters else path


def _message(error: urllib.error.HTTPError) -> str:
    """Return the message of an error answer, which is JSON or plain text."""
    try:
        text = error.read(10_000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return str(error.reason)
    try:
        body = json.loads(text)
    except ValueError:
        return text.strip()[:300] or str(error.reason)
    return str(body.get("message") or text)[:300] if isinstance(body, dict) else text[:300]
