"""Reads the database for all clients together, in one thread: rights and states in a few queries for each batch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import Error, connection

from accounts.authentication import APPROVAL_PREFIX, BAD_TOKEN, actor_from_secret, actors_from_tokens, require_scope
from audit.actions import Action
from config.edge import answers
from config.edge.answers import Answer
from config.edge.calls import Call, Key
from config.edge.limits import excess_answer
from core.actors import Actor, Scope
from core.errors import Denied, DomainError, NotAuthenticated
from registry.production.states import States, read_states, require_production, visible_states

logger = logging.getLogger(__name__)

_BATCH = 500
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Reading:
    """The states of models that a caller may see, or the answer that refuses the call."""

    states: States = field(default_factory=dict)
    refusal: Answer | None = None


def admit(calls: Sequence[Call]) -> list[Reading]:
    """Return a reading for each of these new calls; denials are recorded. Raises DatabaseError."""
    return _with_connection(lambda: list(_admitted(calls)))


def check(keys: Collection[Key]) -> dict[Key, Reading]:
    """Return the present readings of these keys. Raises DatabaseError."""
    return _with_connection(lambda: _checked(keys))


def states_of(names: Collection[str]) -> States:
    """Return the states of those of these models that exist. It always asks the database. Raises DatabaseError."""

    def read() -> States:
        if not names:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        return read_states(names)

    return _with_connection(read)


def _with_connection(work: Callable[[], Result]) -> Result:
    """Return the result of some work, and give the connection back; it is closed where it does not work any more."""
    try:
        return work()
    except Error:
        connection.close()
        raise
    finally:
        connection.close_if_unusable_or_obsolete()


def _admitted(calls: Sequence[Call]) -> Iterator[Reading]:
    callers = _Callers({call.key for call in calls})
    for call in calls:
        secret, names = call.key
        if excess := excess_answer(secret, callers.actors.get(secret)):
            yield Reading(refusal=excess)
            continue
        try:
            callers.require(secret, path=call.path)
            states = callers.states(secret, names)
            if not call.is_stream:
                require_production(states, names[0])
        except DomainError as error:
            known_actor = callers.actors.get(secret)
            yield Reading(refusal=answers.refusal(error, actor=known_actor, request_id=call.request_id))
        else:
            yield Reading(states)


def _checked(keys: Collection[Key]) -> dict[Key, Reading]:
    readings: dict[Key, Reading] = {}
    ordered = list(keys)
    for start in range(0, len(ordered), _BATCH):
        some = ordered[start : start + _BATCH]
        callers = _Callers(some)
        readings |= {key: _reading(callers, *key) for key in some}
    return readings


def _reading(callers: _Callers, secret: str, names: Sequence[str]) -> Reading:
    try:
        callers.require(secret, path="")
        return Reading(callers.states(secret, names))
    except (NotAuthenticated, Denied) as error:
        return Reading(refusal=answers.refusal(error, is_new=False))


class _Callers:
    """The actors of some keys and what they may see, read together."""

    def __init__(self, keys: Collection[Key]) -> None:
        names: dict[str, list[str]] = {}
        for secret, models in keys:
            names.setdefault(secret, []).extend(models)
        self._errors: dict[str, NotAuthenticated] = {}
        self.actors = self._actors_of(names)
        states = read_states({name for models in names.values() for name in models})
        self._visible = visible_states(states, self.actors, names)

    def require(self, secret: str, *, path: str) -> Actor:
        """Return the actor of a secret. Raises NotAuthenticated, Denied (a token without the scope)."""
        if secret in self._errors:
            raise self._errors[secret]
        actor = self.actors[secret]
        require_scope(actor, Scope.REGISTRY_READ, action=Action.API_CALLED, obj=path[:500])
        return actor

    def states(self, secret: str, names: Sequence[str]) -> States:
        """Return the states of those of these models that the caller may see."""
        visible = self._visible[secret]
        return {name: visible[name] for name in names if name in visible}

    def _actors_of(self, secrets: Mapping[str, object]) -> dict[str, Actor]:
        """Return the actors by secret. Secrets of approval sessions are few and are read one by one."""
        actors = actors_from_tokens([secret for secret in secrets if not secret.startswith(APPROVAL_PREFIX)])
        for secret in secrets:
            if secret in actors:
                continue
            if not secret.startswith(APPROVAL_PREFIX):
                self._errors[secret] = NotAuthenticated(BAD_TOKEN)
                continue
            try:
                actors[secret] = actor_from_secret(secret, request_id="")
            except NotAuthenticated as error:
                self._errors[secret] = error
        return actors
