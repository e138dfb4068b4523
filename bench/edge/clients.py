"""`python -m bench.edge.clients PORT poll|stream`: thousands of clients in one process; JSON lines in, JSON lines out.

`{"do": "open", "groups": [[model, count], …], "tokens": […]}` connects and begins to wait. `{"do": "collect", "model":
…}` returns when each client of the model has been told of a change, with the moments at which they were.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict

_AT_ONCE = 200


class WaitingClient(asyncio.Protocol):
    """One client: asks with its ETag, notes when an answer is complete, and asks again."""

    __slots__ = ("_buffer", "_clients", "_etag", "_head", "_is_stream", "_transport", "model")

    def __init__(self, clients: Clients, model: str, token: str) -> None:
        self.model = model
        self._clients = clients
        self._is_stream = clients.kind == "stream"
        target = f"/api/v1/production/events?models={model}"
        if not self._is_stream:
            target = f"/api/v1/models/{model}/production?wait=60"
        self._head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        self._etag = ""
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # of a TCP connection
        self.ask()

    def ask(self) -> None:
        """Send the request."""
        known = f"If-None-Match: {self._etag}\r\n" if self._etag else ""
        self._transport.write(f"{self._head}{known}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Note the moment at which an answer, or an event, is complete."""
        self._buffer += data
        if self._is_stream:
            while b"\n\n" in self._buffer:
                event, _, self._buffer = self._buffer.partition(b"\n\n")
                if b"data: " in event:
                    self._clients.note(self.model, time.monotonic())
            return
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        if len(body) < int(headers.get("Content-Length", "0")):
            return
        now = time.monotonic()
        self._buffer = b""
        if head.startswith(b"HTTP/1.1 200"):
            self._etag = headers["ETag"]
            self._clients.note(self.model, now)
        elif not head.startswith(b"HTTP/1.1 304"):
            sys.stderr.write(head.decode() + "\n")
            self._clients.failures += 1
        asyncio.get_running_loop().call_soon(self.ask)

    def connection_lost(self, _error: Exception | None) -> None:
        """Count a connection that was cut."""
        self._clients.failures += 1


class Clients:
    """All clients, and the moments at which they were told."""

    def __init__(self, port: int, kind: str) -> None:
        self.port, self.kind = port, kind
        self.failures = 0
        self._moments: defaultdict[str, list[float]] = defaultdict(list)
        self._counts: dict[str, int] = {}

    def note(self, model: str, moment: float) -> None:
        """Note that a client was told."""
        self._moments[model].append(moment)

    async def open(self, groups: list[tuple[str, int]], tokens: list[str]) -> dict[str, object]:
        """Connect all clients, and return when each has had its first answer."""
        self._counts = dict(groups)
        loop = asyncio.get_running_loop()
        wanted = [(model, tokens[n % len(tokens)]) for model, count in groups for n in range(count)]
        for start in range(0, len(wanted), _AT_ONCE):
            await asyncio.gather(
                *(
                    loop.create_connection(lambda m=model, t=token: WaitingClient(self, m, t), "127.0.0.1", self.port)  # type: ignore[misc]  # defaults bind
                    for model, token in wanted[start : start + _AT_ONCE]
                )
            )
        for model in self._counts:
            await self.collect(model)
        return {}

    async def collect(self, model: str) -> dict[str, object]:
        """Return the moments at which the clients of a model were told, when all of them were."""
        while len(self._moments[model]) < self._counts[model]:
            await asyncio.sleep(0.005)
        return {"moments": self._moments.pop(model), "failures": self.failures}


async def main() -> None:
    """Answer line after line."""
    clients = Clients(int(sys.argv[1]), sys.argv[2])
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        name = command.pop("do")
        answer = await (clients.open(**command) if name == "open" else clients.collect(**command))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
