"""One connection of a client: a request, then waiting, then the answer, and the next request."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import cast

from django.core.exceptions import SuspiciousOperation
from rest_framework.exceptions import APIException

from config.edge import answers
from config.edge.answers import Answer
from config.edge.calls import Call, is_health, parse_call, request_id_of
from config.edge.groups import Group
from config.edge.heads import BadHead, Head, HeadReader
from config.edge.hub import Hub
from config.edge.reader import Reading
from core.errors import DomainError
from core.metrics import EDGE_ANSWERS
from registry.production.event_stream import has_seen, retry_line, state_events
from registry.production.serving import matches

# A head must be complete within this time; a connection without a request is closed after the other.
HEAD_SECONDS = 5.0
IDLE_SECONDS = 75.0
# A call that the database did not answer within this time is answered 503.
ADMIT_SECONDS = 10.0
# A client that does not read is cut off when this many bytes wait for it.
_UNREAD_BYTES = 262_144
_FULL = "As many clients as this server takes are waiting. Ask again later."
_AWAY = "The database did not answer in time. Try again."
_LATE = f"The head of the request was not complete within {HEAD_SECONDS:g} seconds."
_STOPPING = "The server is stopping. Ask again."


class Edge:
    """The shared state of all connections: the hub, the connected clients, and how many there may be."""

    def __init__(self, most: int) -> None:
        self.hub = Hub()
        self.most = most
        self.connections: set[Connection] = set()
        self.is_stopping = False

    def health(self) -> bytes:
        """Return the health of this program as JSON."""
        polls, streams = self.hub.counts()
        database = "ok" if self.hub.is_current else "down"
        body = {"status": "ok", "database": database, "polls": polls, "streams": streams, "most": self.most}
        return json.dumps(body | {"connections": len(self.connections)}).encode()

    def stop(self) -> None:
        """Send every client away: it comes back after a few seconds, to this program or another one."""
        self.is_stopping = True
        for connection in list(self.connections):
            connection.stop()


class Connection(asyncio.Protocol):
    """A connection. While ``call`` is set, its request is not answered yet."""

    __slots__ = ("_edge", "_group", "_is_kept", "_reader", "_request_id", "_timer", "_transport", "call")

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._reader: HeadReader | None = None
        self._group: Group | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._request_id = ""
        self._is_kept = True
        self.call: Call | None = None

    # --- asyncio -----------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request. Connections far above the limit are closed at once."""
        self._transport = cast("asyncio.Transport", transport)
        self._edge.connections.add(self)
        if len(self._edge.connections) > self._edge.most + self._edge.most // 10 + 10:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=_UNREAD_BYTES)
        self._start_timer(HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request. A client that sends while it waits for an answer is cut off."""
        if self.call is not None or self._group is not None:
            self._transport.abort()
            return
        if self._reader is None:
            self._reader = HeadReader()
            self._start_timer(HEAD_SECONDS)
        try:
            head = self._reader.feed(data)
        except BadHead as error:
            self._is_kept = False
            self._finish(answers.bad_head(error))
            return
        if head is not None:
            self._reader = None
            self._begin(head)

    def pause_writing(self) -> None:
        """Cut off a client that does not read."""
        self._transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the client."""
        self._edge.connections.discard(self)
        self._stop_timer()
        self._leave()
        self._reader = self.call = None

    # --- a request ---------------------------------------------------------------------------------------------------

    def _begin(self, head: Head) -> None:
        self._stop_timer()
        self._request_id = request_id_of(head)
        self._is_kept = head.keep_alive
        if is_health(head):
            self._finish(answers.health(self._edge.health()))
        elif self._edge.is_stopping or len(self._edge.connections) > self._edge.most:
            self._is_kept = False
            self._finish(answers.unavailable(_STOPPING if self._edge.is_stopping else _FULL))
        else:
            self._ask(head)

    def _ask(self, head: Head) -> None:
        try:
            self.call = parse_call(head, self._request_id)
        except SuspiciousOperation as error:
            self._finish(answers.bad_head(BadHead(HTTPStatus.BAD_REQUEST, "invalid", str(error))))
        except (DomainError, APIException) as error:
            self._finish(answers.refusal(error, request_id=self._request_id))
        else:
            self._start_timer(ADMIT_SECONDS)
            self._edge.hub.ask(self)

    def admit(self, reading: Reading, group: Group, /) -> bool:
        """Answer at once, or begin to wait in the group; return whether the client waits."""
        call = self.call
        if call is None:
            return False
        if reading.refusal is not None:
            self._finish(reading.refusal)
            return False
        return self._begin_stream(call, group) if call.is_stream else self._begin_poll(call, group)

    def _begin_poll(self, call: Call, group: Group) -> bool:
        state = group.states[call.key[1][0]]
        if not (call.seen and matches(state.etag, call.seen)):
            self._finish(answers.production(state))
            return False
        if not call.wait:
            self._finish(answers.not_modified(state.etag))
            return False
        group.polls.add(self)
        self._group = group
        self._start_timer(call.wait)
        return True

    def _begin_stream(self, call: Call, group: Group) -> bool:
        self._stop_timer()
        names = group.names
        first = b"" if has_seen(names, group.states, call.seen) else state_events(names, group.states, names)
        data = answers.stream_head().to(self._request_id, is_last=True) + first
        self._transport.set_write_buffer_limits(high=len(data) + _UNREAD_BYTES)
        self._transport.write(data)
        group.streams.add(self)
        self._group = group
        return True

    def fail(self) -> None:
        """Answer that the database does not answer."""
        if self.call is not None:
            self._finish(answers.unavailable(_AWAY))

    # --- answers -----------------------------------------------------------------------------------------------------

    def answer(self, answer: Answer, /) -> None:
        """Send the answer of a poll that waited."""
        self._group = None
        self._finish(answer)

    def send(self, data: bytes, /, *, is_last: bool) -> None:
        """Send events of a stream; after the last ones the connection is closed."""
        self._transport.write(data)
        if is_last:
            self._close()

    def stop(self) -> None:
        """Send the client away."""
        call, group = self.call, self._group
        self._is_kept = False
        if call is None:
            self._close()
        elif group is None:
            self._finish(answers.unavailable(_STOPPING))
        elif call.is_stream:
            self.send(retry_line(answers.seconds_away() * 1000), is_last=True)
        else:
            self._answer_unchanged(group, call, ask_again=True)

    def _answer_unchanged(self, group: Group, call: Call, *, ask_again: bool = False) -> None:
        """Answer that nothing changed, where that is certain."""
        state = group.states[call.key[1][0]]
        self._leave()
        if self._edge.hub.is_current:
            EDGE_ANSWERS.labels("unchanged").inc()
            self._finish(answers.not_modified(state.etag, ask_again=ask_again))
        else:
            self._finish(answers.unavailable(_AWAY))

    def _finish(self, answer: Answer) -> None:
        """Send an answer and wait for the next request, or close the connection."""
        self.call = None
        self._transport.write(answer.to(self._request_id, is_last=not self._is_kept))
        if self._is_kept:
            self._start_timer(IDLE_SECONDS)
        else:
            self._close()

    # --- time and end ------------------------------------------------------------------------------------------------

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._on_time)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        """Answer a poll that waited long enough. Otherwise the database or a request is late, or nothing is asked."""
        self._timer = None
        if self.call is not None and self._group is not None:
            self._answer_unchanged(self._group, self.call)
        elif self.call is not None:
            self.fail()
        elif self._reader is not None and not self._transport.is_closing():
            self._reader, self._is_kept = None, False
            self._finish(answers.bad_head(BadHead(HTTPStatus.REQUEST_TIMEOUT, "too_slow", _LATE)))
        elif self._transport.is_closing():
            self._transport.abort()
        else:
            self._close()

    def _leave(self) -> None:
        group, self._group = self._group, None
        if group is not None:
            self._edge.hub.leave(group, self)

    def _close(self) -> None:
        """Close the connection after what was written is sent; a client that does not read it is cut off."""
        self.call = None
        self._leave()
        self._transport.close()
        self._start_timer(HEAD_SECONDS)
