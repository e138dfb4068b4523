"""Receivers of events: a syslog server over UDP or TCP, or an HTTP collector."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from audit.models import Event, Leaf
from audit.siem.formats import CEF, JSON, as_text, syslog_message

_TIMEOUT_SECONDS = 10.0
_PORTS = {"syslog": 514, "syslog+tcp": 601, "http": 80, "https": 443}


class NotTaken(Exception):
    """A target did not take a batch. The message says why; the batch is sent again."""


@dataclass(frozen=True, slots=True)
class Target:
    """A receiver: `syslog://host:port`, `syslog+tcp://host:port` or `http(s)://host/path`; `?format=cef` for CEF."""

    scheme: str
    host: str
    port: int
    path: str
    kind: str

    def send(self, rows: Sequence[tuple[Leaf, Event]]) -> None:
        """Send events in their order. Raises NotTaken."""
        lines = [(event, as_text(leaf, event, self.kind)) for leaf, event in rows]
        try:
            if self.scheme.startswith("http"):
                self._post("".join(f"{line}\n" for _, line in lines).encode("utf-8"))
            elif self.scheme == "syslog":
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                    for event, line in lines:
                        out.sendto(syslog_message(event, line), (self.host, self.port))
            else:
                self._stream(b"".join(_counted(syslog_message(event, line)) for event, line in lines))
        except (OSError, http.client.HTTPException) as error:
            raise NotTaken(f"{self.host}:{self.port} does not take events: {error}") from error

    def _stream(self, data: bytes) -> None:
        """Send messages with their lengths (RFC 6587), and wait until the receiver closes: it has then read them."""
        with socket.create_connection((self.host, self.port), timeout=_TIMEOUT_SECONDS) as out:
            out.sendall(data)
            out.shutdown(socket.SHUT_WR)
            while out.recv(4096):
                pass

    def _post(self, body: bytes) -> None:
        make = http.client.HTTPSConnection if self.scheme == "https" else http.client.HTTPConnection
        connection = make(self.host, self.port, timeout=_TIMEOUT_SECONDS)
        try:
            kind = "text/plain; charset=utf-8" if self.kind == CEF else "application/x-ndjson"
            connection.request("POST", self.path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        if not http.HTTPStatus.OK <= answer.status < http.HTTPStatus.MULTIPLE_CHOICES:
            raise NotTaken(f"{self.host}:{self.port} answers {answer.status}.")


def target_of(address: str) -> Target:
    """Return the target of an address. Raises ValueError for any other text."""
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    kind = query.pop("format", [JSON])[-1]
    if parts.scheme not in _PORTS or not parts.hostname or kind not in (JSON, CEF) or query:
        raise ValueError(
            f"{address!r} is no target: write syslog://, syslog+tcp://, http:// or https:// and a host; ?format=cef for CEF"
        )
    return Target(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], parts.path or "/", kind)


def _counted(message: bytes) -> bytes:
    return b"%d %b" % (len(message), message)
