"""From an MLflow request to typed values, by the rules of protobuf JSON that MLflow's servers follow.

Fields come in snake_case or camelCase; unknown fields are ignored; null means "not given"; 64-bit integers may be
numbers or digits in a string; doubles may be the words NaN, Infinity and -Infinity; enums are names or numbers.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from django.http import HttpRequest, QueryDict

from core.errors import InvalidInput
from mlflow_api.bodies import json_object, read_body

T = TypeVar("T")
INT64_MAX = 2**63 - 1
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_SHOWN = 100


# Entries of a repeated {key, value} field: more would keep a thread busy for seconds. MLflow's batches take 100.
MAX_PAIRS = 1000


class Params:
    """The fields of one request (or of one message inside it), read by name and type."""

    def __init__(self, values: Mapping[str, Any], *, from_query: bool = False, prefix: str = "") -> None:
        self._values = values
        self._from_query = from_query
        self._prefix = prefix
        # How the caller reached this server, without a slash at the end; for messages that carry a link.
        self.base_url = ""

    def _raw(self, name: str) -> Any:
        value = _first(self._values, name)
        return _first(self._values, _camel(name)) if value is None and "_" in name else value

    def _label(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def _invalid(self, name: str, value: object, expected: str) -> InvalidInput:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        text = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        return InvalidInput(
            f"Invalid value {text} for parameter '{self._label(name)}' supplied: it must be {expected}."
        )

    def _missing(self, name: str) -> InvalidInput:
        return InvalidInput(
            f"Missing value for required parameter '{self._label(name)}'. "
            "See the API docs for more information about request parameters."
        )

    def has(self, name: str) -> bool:
        """Return whether the field was given (null counts as not given)."""
        return self._raw(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """Return a text field. A NUL character is refused: PostgreSQL could not keep it."""
        value = self._raw(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self._invalid(name, value, "a string")
        if "\x00" in value:
            raise self._invalid(name, value, "text without NUL characters")
        return value

    def need(self, name: str) -> str:
        """Return a text field that must be there and not empty."""
        value = self.text(name)
        if not value:
            raise self._missing(name)
        return value

    def integer(self, name: str, default: int | None = None) -> int | None:
        """Return a 64-bit integer field."""
        value = self._raw(name)
        if value is None:
            return default
        number = _as_integer(value)
        if number is None or not -INT64_MAX - 1 <= number <= INT64_MAX:
            raise self._invalid(name, value, "a 64-bit integer")
        return number

    def need_integer(self, name: str) -> int:
        """Return an integer field that must be there."""
        value = self.integer(name)
        if value is None:
            raise self._missing(name)
        return value

    def whole(self, name: str) -> int | None:
        """Return a 64-bit integer that some scripts send with a fraction, such as `time.time() * 1000`:
        it is cut off.
        """
        value = self._raw(name)
        if isinstance(value, float) and math.isfinite(value):
            return Params({name: math.trunc(value)}, prefix=self._prefix).integer(name)
        return self.integer(name)

    def need_whole(self, name: str) -> int:
        """Return such an integer that must be there."""
        value = self.whole(name)
        if value is None:
            raise self._missing(name)
        return value

    def number(self, name: str) -> float:
        """Return a double field that must be there; NaN and the infinities are possible."""
        value = self._raw(name)
        if value is None:
            raise self._missing(name)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self._invalid(name, value, "a number")
        try:
            number = float(value)
        except (ValueError, OverflowError) as error:
            raise self._invalid(name, value, "a number") from error
        if math.isinf(number) and isinstance(value, int):
            raise self._invalid(name, value, "a double")
        return number

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """Return a true/false field."""
        value = self._raw(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if self._from_query and value in {"true", "false"}:
            return bool(value == "true")
        raise self._invalid(name, value, "true or false")

    def texts(self, name: str) -> list[str]:
        """Return a repeated text field: a JSON list, or a repeated key of the query string."""
        values = self._list(name)
        return [Params({name: value}, prefix=self._prefix).text(name) for value in values]

    def need_texts(self, name: str) -> list[str]:
        """Return a repeated text field that must be there; it may be empty."""
        if not self.has(name):
            raise self._missing(name)
        return self.texts(name)

    def items(self, name: str) -> list[Params]:
        """Return a repeated message field."""
        return self.each(name, lambda item: item)

    def each(
        self, name: str, read: Callable[[Params], T], *, plain: Callable[[dict[str, Any]], T | None] | None = None
    ) -> list[T]:
        """Return the results of ``read`` for the messages of a repeated field, or of ``plain`` for its JSON where that
        makes something.
        """
        objects = []
        for number, value in enumerate(self._list(name)):
            if not isinstance(value, dict):
                raise self._invalid(name, value, "a list of objects")
            quick = plain(value) if plain else None
            objects.append(read(Params(value, prefix=f"{self._label(name)}[{number}].")) if quick is None else quick)
        return objects

    def need_items(self, name: str) -> list[Params]:
        """Return a repeated message field that must be there; it may be empty."""
        if not self.has(name):
            raise self._missing(name)
        return self.items(name)

    def message(self, name: str) -> Params:
        """Return a message field; an absent one reads as empty."""
        value = self._raw(name)
        if value is None:
            return Params({}, prefix=f"{self._label(name)}.")
        if not isinstance(value, dict):
            raise self._invalid(name, value, "an object")
        return Params(value, prefix=f"{self._label(name)}.")

    def json(self, name: str) -> Any:
        """Return a field that may hold any JSON value; None where it is absent."""
        return self._raw(name)

    def mapping(self, name: str) -> dict[str, str]:
        """Return a field that maps texts to texts; an absent one is empty."""
        value = self._raw(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._invalid(name, value, "an object")
        inner = Params(value, prefix=f"{self._label(name)}.")
        return {key: inner.text(key) for key in value}

    def _list(self, name: str) -> list[Any]:
        if self._from_query and isinstance(self._values, QueryDict):
            return list(self._values.getlist(name) or self._values.getlist(_camel(name)))
        value = self._raw(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._invalid(name, value, "a list")
        return value

    def choice(self, name: str, values: Mapping[str, int]) -> str:
        """Return the name of an enum field, "" when absent. MLflow drops a name it does not know, and so do we.

        Raises InvalidInput for a number that stands for nothing.
        """
        value = self._raw(name)
        if isinstance(value, str) and value in values:
            return value
        number = None if value is None else _as_integer(value)
        choice_name = next((each for each, code in values.items() if code == number), "")
        if not choice_name and isinstance(value, int | float):
            raise self._invalid(name, value, f"one of {', '.join(values)}")
        return choice_name

    def tags(self, name: str) -> list[tuple[str, str]]:
        """Return a repeated {key, value} field as pairs; the key must be there, the value may be empty.

        Raises InvalidInput.
        """
        items = self.items(name)
        if len(items) > MAX_PAIRS:
            raise InvalidInput(f"{name} may have at most {MAX_PAIRS} entries in one call. Got {len(items)}.")
        return [(item.need("key"), item.text("value")) for item in items]


def _first(values: Mapping[str, Any], name: str) -> Any:
    """Return a field of a request; of a query parameter that is repeated the first value, as MLflow's servers do."""
    if isinstance(values, QueryDict):
        return next(iter(values.getlist(name)), None)
    return values.get(name)


@cache  # the names are those in our own code
def _camel(name: str) -> str:
    head, *words = name.split("_")
    return head + "".join(part.capitalize() for part in words)


def _as_integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return None


def read_params(request: HttpRequest, path_values: Mapping[str, str]) -> Params:
    """Return the fields of a request: query string for GET, else the JSON body; variables of the path win.

    A GET without a query is read from its body, and a DELETE without a body from its query string: scripts with curl
    do the one, Databricks' clients the other. Raises InvalidInput, TooLarge.
    """
    if request.method == "GET" and (request.GET or request.content_type != "application/json"):
        return _with_path(Params(request.GET, from_query=True), request.GET, path_values)
    body = read_body(request)
    if request.method == "DELETE" and not body.strip() and request.GET:
        return _with_path(Params(request.GET, from_query=True), request.GET, path_values)
    if not body.strip():
        values: dict[str, Any] = {}
    else:
        if request.content_type != "application/json":
            raise InvalidInput("Bad Request. Content-Type must be one of ['application/json'].")
        values = json_object(body)
    return Params({**values, **path_values})


def _with_path(params: Params, query: QueryDict, path_values: Mapping[str, str]) -> Params:
    if not path_values:
        return params
    merged = query.copy()
    for name, value in path_values.items():
        merged[name] = value
    return Params(merged, from_query=True)


def pairs(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return key/value pairs as a mapping; the last of equal keys wins."""
    return dict(items)
