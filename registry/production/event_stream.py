"""Server-sent events about models in Production (https://html.spec.whatwg.org/multipage/server-sent-events.html).

An event has the present state of one model, not a step from the one before: a client that was away gets the states
again and has missed nothing. The id of an event is the ETag of `GET /api/v1/production` about the same models.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from registry.production.states import States, etag_of_states

MEDIA_TYPE = "text/event-stream"
END = "end"
# A comment, which keeps proxies from closing a stream without events.
COMMENT = b":\n\n"


def retry_line(milliseconds: int) -> bytes:
    """Return the line that says after how long a client that was cut off connects again."""
    return b"retry: %d\n\n" % milliseconds


def state_events(names: Sequence[str], states: States, changed: Iterable[str]) -> bytes:
    """Return one event for each changed model of a stream about ``names``. Only the last one has an id.

    A client that is cut off between them has the id of what came before, and gets all states again.
    """
    lines = [_event(name, states) for name in changed]
    stream_id = etag_of_states(names, states).strip('"').encode()
    return b"".join(
        [*(b"event: production\ndata: %s\n\n" % line for line in lines[:-1]), _with_id(lines[-1], stream_id)]
    )


def _with_id(line: bytes, stream_id: bytes) -> bytes:
    return b"id: %s\nevent: production\ndata: %s\n\n" % (stream_id, line)


def _event(name: str, states: States) -> bytes:
    """Return the data of an event. `production` is null where nothing that the caller may see is in Production."""
    state = states.get(name)
    is_there = state is not None and bool(state.etag)
    production = orjson.Fragment(state.body) if state is not None and is_there else None
    return orjson.dumps({"name": name, "etag": state.etag if state and is_there else None, "production": production})


def end_event(problem: bytes) -> bytes:
    """Return the last event of a stream that is ended for a reason: a problem document on one line."""
    return b"event: %s\ndata: %s\n\n" % (END.encode(), problem)


def has_seen(names: Sequence[str], states: States, last_event_id: str) -> bool:
    """Return whether a client whose last event had this id knows the present states."""
    return bool(last_event_id) and last_event_id.strip('"') == etag_of_states(names, states).strip('"')
