"""A minimal MLflow client over one kept connection, the same for both servers."""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.servers import alone

Call = Callable[["Wire"], object]


class Wire:
    """A kept-alive connection to a server that speaks MLflow's REST protocol."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._headers = headers | {"Content-Type": "application/json"}

    def post(self, rpc: str, **body: object) -> dict[str, Any]:
        """Call an RPC with a JSON body and return its answer; an error of the server ends the bench."""
        return self._call("POST", f"/api/2.0/mlflow/{rpc}", json.dumps(body))

    def get(self, rpc: str, **query: object) -> dict[str, Any]:
        """Call an RPC with a query string and return its answer."""
        return self._call("GET", f"/api/2.0/mlflow/{rpc}?{urlencode(query)}", None)

    def put(self, path: str, **body: object) -> dict[str, Any]:
        """Call Custody's own API with a JSON body and return its answer."""
        return self._call("PUT", path, json.dumps(body))

    def _call(self, method: str, path: str, body: str | None) -> dict[str, Any]:
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == http.HTTPStatus.OK, (path, answer.status, content[:500])
        result: dict[str, Any] = json.loads(content)
        return result


Side = tuple[str, dict[str, str]]
"""A server: its URL and the headers a client sends."""


def rate(side: Side, call: Call, *, clients: int = 1, seconds: float = 3) -> float:
    """Return how many times a second ``call`` is done by this number of concurrent clients."""
    counts = [0] * clients
    until = time.monotonic() + seconds

    def work(place: int) -> None:
        wire = Wire(*side)
        while time.monotonic() < until:
            call(wire)
            counts[place] += 1

    began = time.monotonic()
    threads = [threading.Thread(target=work, args=(place,)) for place in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - began)


def rates(calls: dict[str, tuple[Side, Call]], *, clients: int = 1, rounds: int = 3) -> dict[str, float]:
    """Return the median rate of each side's call, measured in turn after a warm-up, so that other load affects both.

    The servers of other sides stand still meanwhile.
    """
    for side, call in calls.values():
        with alone(side[0]):
            rate(side, call, clients=clients, seconds=1)
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (side, call) in calls.items():
            with alone(side[0]):
                taken[name].append(rate(side, call, clients=clients))
    return {name: statistics.median(result) for name, result in taken.items()}
