"""The HTTP POST to a receiver: to a checked address, without redirects or proxies, limited in time and memory."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from core.errors import InvalidInput
from webhooks.addresses import AddressRefused, Target, address_of, is_public, resolve, split_url

_MAX_ANSWER = 16 * 1024  # bytes of an answer that are read
_MAX_SHOWN = 1000  # characters of an answer that a test shows
_SECONDS = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Answer:
    """Outcome of one attempt. ``status`` is None without an answer; then ``error`` says why.

    ``refused`` tells that this server did not send the message and would not send it again. ``body`` is the beginning
    of the answer. It is "" where the receiver is not on the public internet, so that a webhook reveals nothing of the
    private network. ``retry_after`` is in seconds.
    """

    status: int | None
    milliseconds: int
    error: str = ""
    refused: bool = False
    retry_after: int | None = None
    body: str = ""

    @property
    def is_success(self) -> bool:
        """Return whether the receiver accepted the message."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - success in HTTP


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, timeout: float, private: bool, verify: bool = True
) -> Answer:
    """Send ``body`` and return the outcome, at most ``timeout`` seconds after the name was resolved.

    ``private`` tells whether the receiver may be at a private or loopback address. ``verify`` tells whether its
    certificate is checked there; the certificate of a public receiver is always checked.
    """
    began = time.monotonic()

    def milliseconds() -> int:
        return int((time.monotonic() - began) * 1000)

    try:
        target = split_url(url)
        connection = _Connection(target, resolve(target, private=private), timeout, verify=verify)
    except AddressRefused as error:
        return Answer(None, milliseconds(), f"Not sent: {error}", refused=True)
    except InvalidInput as error:  # the settings that limit URLs may have changed
        return Answer(None, milliseconds(), f"Not sent: {error.message}", refused=True)
    except (OSError, UnicodeError):
        return Answer(None, milliseconds(), "The name of the receiver cannot be resolved.")
    try:
        status, retry_after, text = _exchange(connection, target, body, headers)
    except (OSError, http.client.HTTPException) as error:
        return Answer(None, milliseconds(), _message_of(error, timed_out=connection.timed_out, timeout=timeout))
    finally:
        connection.close()
    return Answer(status, milliseconds(), retry_after=retry_after, body=text if connection.is_public else "")


class _Connection(http.client.HTTPConnection):
    """A connection to a checked address. The host name is used for the Host header and the certificate."""

    def __init__(
        self, target: Target, addresses: list[tuple[int, tuple[str, int]]], timeout: float, *, verify: bool = True
    ) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        if target.scheme == "https":
            self.default_port = 443  # or the Host header would name the port
        self._target = target
        self._addresses = addresses
        self._verify = verify
        self._until = time.monotonic() + timeout
        self._guard: threading.Timer | None = None
        self._duplicate: socket.socket | None = None
        self.timed_out = False
        self.is_public = False

    def connect(self) -> None:
        """Connect to the first address that accepts. A timer closes the connection when the time is over."""
        plain, address = self._reach()
        self.is_public = is_public(address_of(address))
        self._start_timer(plain)
        self.sock = plain
        if self._target.scheme == "https":
            context = _tls() if self._verify or self.is_public else _unchecked_tls()
            self.sock = context.wrap_socket(plain, server_hostname=self._target.host)

    def close(self) -> None:
        """Close the connection."""
        if self._guard is not None:
            self._guard.cancel()
        if self._duplicate is not None:
            self._duplicate.close()
        super().close()

    def _reach(self) -> tuple[socket.socket, str]:
        failed: OSError = TimeoutError()
        for number, (family, address) in enumerate(self._addresses):
            seconds_left = self._until - time.monotonic()
            if seconds_left <= 0:
                break
            candidate = socket.socket(family, socket.SOCK_STREAM)
            # An address that drops packets leaves time for the other addresses.
            candidate.settimeout(seconds_left / (len(self._addresses) - number))
            try:
                candidate.connect(address)
                candidate.settimeout(max(0.001, self._until - time.monotonic()))
            except OSError as error:
                candidate.close()
                failed = error
            else:
                return candidate, address[0]
        raise failed

    def _start_timer(self, plain: socket.socket) -> None:
        """Start the timer that closes the connection when the time is over, also during the TLS handshake."""
        duplicate = self._duplicate = plain.dup()  # TLS takes the socket over

        def cut() -> None:
            self.timed_out = True
            with suppress(OSError):  # the connection is closed already
                duplicate.shutdown(socket.SHUT_RDWR)

        self._guard = threading.Timer(max(0.0, self._until - time.monotonic()), cut)
        self._guard.daemon = True
        self._guard.start()


def _exchange(
    connection: _Connection, target: Target, body: bytes, headers: Mapping[str, str]
) -> tuple[int, int | None, str]:
    connection.request("POST", target.path, body, {"User-Agent": "custody-webhooks", "Connection": "close", **headers})
    response = connection.getresponse()
    text = response.read(_MAX_ANSWER).decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    after = response.getheader("Retry-After", "").strip()
    return response.status, int(after) if _SECONDS.fullmatch(after) else None, text[:_MAX_SHOWN]


def _message_of(error: Exception, *, timed_out: bool, timeout: float) -> str:
    """Return the message of an error, without the IP addresses of the receiver."""
    if timed_out or isinstance(error, TimeoutError):
        return f"No answer within {timeout:g} seconds."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The receiver's certificate is not trusted: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or 'the receiver does not use TLS'}."
    if isinstance(error, ConnectionRefusedError):
        return "The receiver refused the connection."
    if isinstance(error, http.client.HTTPException) and not isinstance(error, http.client.RemoteDisconnected):
        return "The receiver did not answer in HTTP."
    return "The connection to the receiver failed."


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@cache
def _unchecked_tls() -> ssl.SSLContext:
    """Return a context that checks no certificate, for receivers on the private network where an operator allows it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
