"""Regular expressions of RLIKE: those with the same meaning on both databases and a bounded running time."""

from __future__ import annotations

import re
import re._constants as ops  # type: ignore[import-not-found]  # the standard library's own parser, without types
import re._parser as parser  # type: ignore[import-not-found]  # see above
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from core.errors import InvalidInput

MAX_LENGTH = 250
# A pattern is matched against so many characters of a value: on SQLite, Python's backtracking engine matches it.
MATCHED_CHARACTERS = 4000
_MAX_REPEATS = 8
_FEW = 10
_REPEATS = frozenset({ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT})
_REFUSED = {
    ops.GROUPREF: "refer back to a group",
    ops.GROUPREF_EXISTS: "refer back to a group",
    ops.ASSERT: "look around",
    ops.ASSERT_NOT: "look around",
}
# PostgreSQL gives these another meaning.
_REFUSED_POSITIONS = {
    ops.AT_BOUNDARY: "hold word boundaries",
    ops.AT_NON_BOUNDARY: "hold word boundaries",
}
_SPECIAL_GROUP = re.compile(r"(?<!\\)\(\?(?!:)")


def checked_pattern(pattern: str) -> str:
    """Return the regular expression to look for, without a `.*` at either end, which changes nothing.

    Raises InvalidInput: it cannot be read, has more than 250 characters, refers back, looks around, or repeats in a
    way that can take very long: a repetition or a choice within a repetition, or more than one repetition without a
    limit.
    """
    if len(pattern) > MAX_LENGTH:
        raise InvalidInput(f"A pattern of RLIKE may have at most {MAX_LENGTH} characters; this one has {len(pattern)}.")
    bare = pattern.removeprefix(".*")
    bare = bare if bare.endswith("\\.*") else bare.removesuffix(".*")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parsed = parser.parse(bare)
    except (re.error, RecursionError, OverflowError, FutureWarning, DeprecationWarning) as error:
        raise InvalidInput(f"The pattern of RLIKE cannot be read: {error}.") from error
    if _SPECIAL_GROUP.search(bare):
        raise InvalidInput("A pattern of RLIKE may hold (?:…) and no other group that begins with (?.")
    _check_repeats(list(_repeats(parsed, inside=False)))
    return bare


def _check_repeats(limits: list[int]) -> None:
    """Refuse too many repetitions. ``limits`` says how often each may repeat. Raises InvalidInput."""
    if len(limits) > _MAX_REPEATS or sum(limit > _FEW for limit in limits) > 1:
        raise InvalidInput(
            f"Besides a .* at either end, a pattern of RLIKE may hold one repetition without a limit, such as [a-z]+, "
            f"and {_MAX_REPEATS - 1} of at most {_FEW} times."
        )


def _repeats(nodes: Iterable[Any], *, inside: bool) -> Iterator[int]:
    """Yield how often each repetition of a parsed pattern may repeat.

    Raises InvalidInput for syntax that is not allowed.
    """
    for op, argument in nodes:
        refused = _REFUSED_POSITIONS.get(argument) if op is ops.AT else _REFUSED.get(op)
        if refused:
            raise InvalidInput(f"A pattern of RLIKE may not {refused}.")
        if inside and (op in _REPEATS or op is ops.BRANCH):
            raise InvalidInput("A pattern of RLIKE may not repeat or choose within a repetition, as (a+)+ does.")
        if op in _REPEATS:
            yield int(argument[1])
        for part in _parts(argument):
            yield from _repeats(part, inside=inside or op in _REPEATS)


def _parts(argument: Any) -> Iterator[Any]:
    """Yield the patterns within the argument of a node."""
    if isinstance(argument, parser.SubPattern):
        yield argument
    elif isinstance(argument, list | tuple):
        for part in argument:
            yield from _parts(part)
