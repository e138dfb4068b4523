"""Knows who waits for what, reads what changed, and tells those who wait.

One task does everything in order: whoever is admitted waits with the states of that reading, and every later reading is
compared with them. So no change falls between a client's question and its waiting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from django.db import Error

from config.edge import reader
from config.edge.calls import Call, Key
from config.edge.groups import Group, Waiter, etag_in, promotions
from config.edge.reader import Reading
from core.metrics import EDGE_ANSWERS, EDGE_SECONDS
from core.refs import model_stream
from registry.production.states import ModelState, States

logger = logging.getLogger(__name__)

# The states of all models that somebody waits for are read this often, so a lost hint costs at most as much.
STATES_SECONDS = 1.0
# The rights of everybody who waits are read this often.
RIGHTS_SECONDS = 5.0
# States older than this are not known to be current: the database does not answer.
CURRENT_SECONDS = 3.0
# Calls that are admitted together, and groups that are read together.
_SLICE = 500
# Clients of a group that are answered before anything else gets a turn.
_TURN = 5000


class Caller(Waiter, Protocol):
    """A client whose call is admitted or refused. ``call`` is None when the client has gone."""

    call: Call | None

    def admit(self, reading: Reading, group: Group, /) -> bool:
        """Answer at once or begin to wait in the group; return whether the client waits."""

    def fail(self) -> None:
        """Answer that the database does not answer."""


class Hub:
    """The waiting clients by what they wait for."""

    def __init__(self) -> None:
        self._groups: dict[Key, Group] = {}
        self._by_name: dict[str, set[Group]] = {}
        self._states: dict[str, ModelState | None] = {}
        self._unchecked: list[Group] = []
        self._new: list[Caller] = []
        self._hints: set[str] = set()
        self._work = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "reader")
        self._read_at = float("-inf")
        self._is_answered = True

    @property
    def is_current(self) -> bool:
        """True while the states that clients know are the present ones."""
        return time.monotonic() - self._read_at < CURRENT_SECONDS

    def counts(self) -> tuple[int, int]:
        """Return how many polls and how many streams wait."""
        groups = self._groups.values()
        return sum(len(group.polls) for group in groups), sum(len(group.streams) for group in groups)

    def ask(self, caller: Caller) -> None:
        """Have the call of a client admitted."""
        self._new.append(caller)
        self._work.set()

    def hint(self, stream: str) -> None:
        """Note that Production of the model with this event stream may have changed."""
        self._hints.add(stream)
        self._work.set()

    def leave(self, group: Group, waiter: Waiter) -> None:
        """Forget a client that does not wait any more."""
        group.polls.discard(waiter)
        group.streams.discard(waiter)
        if group.is_empty and self._groups.get(group.key) is group:
            self._forget(group)

    def waiting(self) -> list[Group]:
        """Return all groups."""
        return list(self._groups.values())

    async def run(self) -> None:
        """Serve until cancelled."""
        states_at = rights_at = time.monotonic()
        while True:
            await self._wait(min(states_at, rights_at))
            if self._hints:
                await self._follow_hints()
            if self._new:
                await self._admit()
            if self._unchecked:
                await self._check_some()
            now = time.monotonic()
            if now >= rights_at and not self._unchecked:
                rights_at = now + RIGHTS_SECONDS
                self._unchecked = self.waiting()
            if now >= states_at:
                states_at = now + STATES_SECONDS
                await self._compare()

    def close(self) -> None:
        """End the thread that reads."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _wait(self, until: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await self._work.wait()
        except TimeoutError:
            return
        self._work.clear()

    async def _read(self, work: Any, *values: Any) -> Any:
        """Return what the reading thread returns, None where the database does not answer."""
        began = time.monotonic()
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)
        except Error as error:
            if self._is_answered:
                logger.warning("the database does not answer: %s", error)
            self._is_answered = False
            return None
        self._is_answered = True
        self._read_at = began
        return result

    async def _follow_hints(self) -> None:
        streams, self._hints = self._hints, set()
        hinted = [name for name, state in self._states.items() if state and model_stream(state.model_id) in streams]
        await self._check(self._groups_of(hinted))

    async def _compare(self) -> None:
        """Read the states of all models that somebody waits for, and tell those who wait for one that changed."""
        names = list(self._by_name)
        states: States | None = await self._read(reader.states_of, names)
        if states is None:
            return
        changed = [name for name in names if etag_in(states, name) != etag_in(self._states, name)]
        if await self._check(self._groups_of(changed)):  # otherwise they are compared again
            self._states.update({name: states.get(name) for name in names if name in self._by_name})

    async def _check_some(self) -> None:
        """Check the next groups whose rights were not read yet; hints and new calls are served in between."""
        some, self._unchecked = self._unchecked[:_SLICE], self._unchecked[_SLICE:]
        await self._check([group for group in some if not group.is_empty])
        if self._unchecked:
            self._work.set()

    async def _check(self, groups: Collection[Group]) -> bool:
        """Read what these groups see, and tell them what changed for them; return whether the database answered."""
        ordered = list(groups)
        for start in range(0, len(ordered), _SLICE):
            some = ordered[start : start + _SLICE]
            readings: dict[Key, Reading] | None = await self._read(reader.check, [group.key for group in some])
            if readings is None:
                return False
            for group in some:
                await self._deliver(group, readings[group.key])
        return True

    async def _deliver(self, group: Group, reading: Reading) -> None:
        promoted = promotions(group.states, reading.states)
        sent: Counter[str] = Counter()
        for kind in group.deliver(reading):
            sent[kind] += 1
            if sent[kind] % _TURN == 0:
                await asyncio.sleep(0)
        for kind, count in sent.items():
            EDGE_ANSWERS.labels(kind).inc(count)
        for state in promoted if sent else ():
            if state.promoted_at is not None:
                EDGE_SECONDS.observe(max(0.0, time.time() - state.promoted_at.timestamp()))
        if group.is_empty:
            self._forget(group)

    async def _admit(self) -> None:
        """Read what the next new callers see, and answer them or let them wait."""
        some, self._new = self._new[:_SLICE], self._new[_SLICE:]
        if self._new:
            self._work.set()
        calls = {caller: caller.call for caller in some if caller.call is not None}
        readings: list[Reading] | None = await self._read(reader.admit, list(calls.values()))
        if readings is None:
            for caller in calls:
                caller.fail()
            return
        for caller, reading in zip(calls, readings, strict=True):
            await self._place(caller, reading)

    async def _place(self, caller: Caller, reading: Reading) -> None:
        call = caller.call
        if call is None:  # the client has gone
            return
        group = self._groups.get(call.key) or Group(call.key, reading.states)
        if group.key in self._groups and reading.refusal is None:
            await self._deliver(group, reading)
        if not caller.admit(reading, group) or caller.call is None:
            return
        self._groups[group.key] = group
        for name in group.names:
            self._by_name.setdefault(name, set()).add(group)
            self._states.setdefault(name, reading.states.get(name))

    def _groups_of(self, names: Iterable[str]) -> set[Group]:
        return {group for name in names for group in self._by_name.get(name, ())}

    def _forget(self, group: Group) -> None:
        self._groups.pop(group.key, None)
        for name in group.names:
            groups = self._by_name.get(name, set())
            groups.discard(group)
            if not groups:
                self._by_name.pop(name, None)
                self._states.pop(name, None)
