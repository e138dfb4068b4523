"""Groups of waiting clients: those with the same secret who ask about the same models get the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from config.edge import answers
from config.edge.answers import Answer
from config.edge.calls import Key
from config.edge.reader import Reading
from core.errors import DomainError
from registry.production.event_stream import end_event, state_events
from registry.production.states import ModelState, States, require_production


class Waiter(Protocol):
    """A client that waits."""

    def answer(self, answer: Answer, /) -> None:
        """Send the answer of a poll."""

    def send(self, data: bytes, /, *, is_last: bool) -> None:
        """Send events of a stream; after the last ones the connection is closed."""


class Group:
    """The clients with one key, and the states that they know."""

    __slots__ = ("key", "polls", "states", "streams")

    def __init__(self, key: Key, states: States) -> None:
        self.key = key
        self.states = states
        self.polls: set[Waiter] = set()
        self.streams: set[Waiter] = set()

    @property
    def names(self) -> Sequence[str]:
        """The names of the models."""
        return self.key[1]

    @property
    def is_empty(self) -> bool:
        """Return whether the last client has left."""
        return not (self.polls or self.streams)

    def deliver(self, reading: Reading) -> Iterator[str]:
        """Send everybody what changed, and yield what each client got: `changed`, `refused` or `ended`."""
        if reading.refusal is not None:
            yield from self._refuse(reading.refusal)
            return
        changed = [name for name in self.names if etag_in(self.states, name) != etag_in(reading.states, name)]
        self.states = reading.states
        if not changed:
            return
        if self.polls:
            answer, kind = _poll_answer(self.states, self.names[0])
            yield from self._answer_polls(answer, kind)
        if self.streams:
            data = state_events(self.names, self.states, changed)
            for stream in list(self.streams):
                stream.send(data, is_last=False)
                yield "changed"

    def _refuse(self, refusal: Answer) -> Iterator[str]:
        yield from self._answer_polls(refusal, "refused")
        data, streams = end_event(refusal.body), list(self.streams)
        self.streams.clear()
        for stream in streams:
            stream.send(data, is_last=True)
            yield "ended"

    def _answer_polls(self, answer: Answer, kind: str) -> Iterator[str]:
        polls = list(self.polls)
        self.polls.clear()
        for poll in polls:
            poll.answer(answer)
            yield kind


def promotions(before: States, after: States) -> Iterable[ModelState]:
    """Return the states of models into which a version was promoted between two readings."""
    return [
        state
        for name, state in after.items()
        if state.etag and state.etag != etag_in(before, name) and state.promoted_at != _promoted_at(before, name)
    ]


def etag_in(states: Mapping[str, ModelState | None], name: str) -> str:
    """Return the ETag of a model in these states, "" where nothing is in Production."""
    state = states.get(name)
    return state.etag if state is not None else ""


def _promoted_at(states: States, name: str) -> object:
    state = states.get(name)
    return state.promoted_at if state is not None else None


def _poll_answer(states: States, name: str) -> tuple[Answer, str]:
    try:
        return answers.production(require_production(states, name)), "changed"
    except DomainError as error:
        return answers.refusal(error), "refused"
