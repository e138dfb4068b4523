"""Declarations of the parameters of checks. The reference, the page of checks and error messages are made from them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.errors import InvalidInput
from core.text import english_list

_MOST_NAMES = 100
_LONGEST = 300
_HUGE = 1e9  # bounds from this size on are not mentioned
LARGEST = sys.float_info.max  # JSON has no infinity


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a check. ``kind`` is a key of KINDS; ``default`` is its value if a policy does not set it.

    ``least`` and ``most`` are the bounds of a number, ``choices`` the allowed values of a choice. A ``required``
    parameter has no default.
    """

    name: str
    kind: str
    description: str
    default: object = None
    required: bool = False
    least: float = -LARGEST
    most: float = LARGEST
    choices: tuple[str, ...] = ()

    @property
    def must_be(self) -> str:
        """The requirement for a value, for the end of an error message: "one of value, interval"."""
        if self.kind == "choice":
            return f"one of {', '.join(self.choices)}"
        if self.kind == "choices":
            return f"a list out of {', '.join(self.choices)}"
        if self.kind in ("number", "count") and self.least > -_HUGE:
            upper = f" to {self.most:g}" if self.most < _HUGE else ""
            return f"{_KIND_NAMES[self.kind]} from {self.least:g}{upper}"
        return _KIND_NAMES[self.kind]

    @property
    def shown_default(self) -> str:
        """The default as written in a policy; "required" for a required parameter, "none" without a default."""
        if self.required:
            return "required"
        if self.default is None or self.default == ():
            return "none"
        if isinstance(self.default, bool):
            return "true" if self.default else "false"
        return ", ".join(self.default) if isinstance(self.default, tuple) else f"{self.default}"


_KIND_NAMES = {
    "choice": "a choice",
    "choices": "a list of choices",
    "count": "a whole number",
    "flag": "true or false",
    "identities": "a list of identities, each with identity and issuer",
    "name": "the name of a metric",
    "names": "a list of names",
    "number": "a number",
    "text": "a short text",
}


def parse_params(declared: Sequence[Param], values: Mapping[str, object]) -> dict[str, object]:
    """Return the value or default of every declared parameter, by name.

    Raises InvalidInput for a parameter that is unknown, missing or has a wrong value.
    """
    names = {param.name for param in declared}
    if unknown := sorted(str(key) for key in values if key not in names):
        known_names = ", ".join(sorted(names)) or "none"
        raise InvalidInput(f"unknown parameter {unknown[0]!r} (known: {known_names})")
    return {param.name: _value(param, values) for param in declared}


def _value(param: Param, values: Mapping[str, object]) -> object:
    if param.name not in values:
        if param.required:
            raise InvalidInput(f"{param.name} must be given: {param.must_be}")
        return param.default
    value = values[param.name]
    if not KINDS[param.kind](param, value):
        raise InvalidInput(f"{param.name} must be {param.must_be}")
    return tuple(value) if isinstance(value, list) else value


def _is_text(_: Param, value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST and "\x00" not in value


def _is_names(param: Param, value: object) -> bool:
    if not isinstance(value, list | tuple) or len(value) > _MOST_NAMES:
        return False
    return (bool(value) or param.default == ()) and all(_is_text(param, item) for item in value)


def _is_identities(param: Param, value: object) -> bool:
    if not isinstance(value, list | tuple) or not 0 < len(value) <= _MOST_NAMES:
        return False
    return all(
        isinstance(item, Mapping)
        and item.keys() == {"identity", "issuer"}
        and all(_is_text(param, text) for text in item.values())
        for item in value
    )


def _is_number(param: Param, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return param.least <= value <= param.most


def _is_choices(param: Param, value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(item in param.choices for item in value)


KINDS: dict[str, Callable[[Param, object], bool]] = {
    "choice": lambda param, value: isinstance(value, str) and value in param.choices,
    "choices": _is_choices,
    "count": lambda param, value: isinstance(value, int) and _is_number(param, value),
    "flag": lambda _, value: isinstance(value, bool),
    "identities": _is_identities,
    "name": _is_text,
    "names": _is_names,
    "number": _is_number,
    "text": _is_text,
}


def texts(params: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return the items of a parsed parameter that is a list; an empty tuple if it is not a list."""
    value = params[name]
    return tuple(str(item) for item in value) if isinstance(value, tuple | list) else ()


def figure(params: Mapping[str, object], name: str) -> float | None:
    """Return a parsed parameter that is a number; None if it is not set."""
    value = params[name]
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def with_params(sentence: str, declared: Sequence[Param], params: Mapping[str, object]) -> str:
    """Return a sentence followed by the parameters that differ from their defaults: ``It is small (most: 3).``"""
    changed = [param.name for param in declared if params.get(param.name) != param.default]
    if not changed:
        return sentence
    return f"{sentence.rstrip('.')} ({', '.join(f'{name}: {_value_text(params.get(name))}' for name in changed)})."


def _value_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return english_list([str(item) for item in value]) if isinstance(value, tuple | list) else str(value)
