"""MLflow's filter language: `clause (AND clause)*`, read by sqlparse's lexer. A `Spec` has the keys of one search.

The protocol does not define OR, NOT and parentheses, so they are refused. No text raises another error than
InvalidInput.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from core.errors import InvalidInput
from tracking.search.tokens import Token, tokens_of

ATTRIBUTE = "attribute"
TEXT_OPERATORS = frozenset({"=", "!=", "LIKE", "ILIKE"})
NUMBER_OPERATORS = frozenset({"=", "!=", ">", ">=", "<", "<="})
LIST_OPERATORS = frozenset({"IN", "NOT IN"})
NULL_OPERATORS = frozenset({"IS NULL", "IS NOT NULL"})
ORDER_OPERATORS = frozenset({">", ">=", "<", "<="})

MAX_CLAUSES = 100  # SQLite's expression depth is 1000, and nobody reads such a filter
MAX_ORDER_KEYS = 20
_INT64 = 2**63
_LARGEST = 1.7976931348623157e308
_EMPTY_LIST = "a non-empty list of string values, but got empty list"
_ILL_FORMED = "a non-empty list of string values, but got ill-formed list"
_NO_TEXT = "string value, punctuation, or whitespace, but got different type in list"
_DECIMAL = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?")

Value = str | int | float | Fraction | tuple[str, ...] | None


class Kind(StrEnum):
    """The kinds of values that keys are compared with."""

    TEXT = "text"
    INTEGER = "integer"
    FLOAT = "float"
    TEXT_OR_FLOAT = "text, or a number after an operator that orders"


@dataclass(frozen=True, slots=True)
class Column:
    """A searchable key: the kind of its value, and its operators."""

    kind: Kind
    operators: frozenset[str]


TEXT = Column(Kind.TEXT, TEXT_OPERATORS)
TEXT_OR_LIST = Column(Kind.TEXT, TEXT_OPERATORS | LIST_OPERATORS)
TEXT_OR_NULL = Column(Kind.TEXT, TEXT_OPERATORS | NULL_OPERATORS)
INTEGER = Column(Kind.INTEGER, NUMBER_OPERATORS)
FLOAT = Column(Kind.FLOAT, NUMBER_OPERATORS)


@dataclass(frozen=True, slots=True)
class Spec:
    r"""The keys of one kind of search.

    ``attributes`` are written bare or behind an attribute prefix; ``groups`` are families of free keys (`tags.K`);
    ``prefixes`` maps each spelling to its group or to ATTRIBUTE; ``aliases`` maps other spellings of attributes;
    ``group_keys`` limits a group to certain keys; ``nested`` holds first words of keys whose rest may be quoted by
    itself (`span.attributes.\`a b\``). Results can be sorted by ``order_keys`` and ``order_groups``; the error for any
    other key begins with ``unknown_order``, as on MLflow's servers.
    """

    noun: str
    attributes: Mapping[str, Column]
    groups: Mapping[str, Column] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    group_keys: Mapping[str, frozenset[str]] = field(default_factory=dict)
    nested: frozenset[str] = frozenset()
    order_keys: frozenset[str] = frozenset()
    order_groups: frozenset[str] = frozenset()
    unknown_order: str = "Invalid attribute key '{}' specified."


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison. ``value`` is text, a number, a tuple of texts (IN) or None (IS NULL)."""

    group: str
    key: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key."""

    group: str
    key: str
    ascending: bool


def parse(filter_string: str, spec: Spec) -> list[Clause]:
    """Return the clauses of a filter, all of which must hold; none for a blank one. Raises InvalidInput."""
    reader = _Reader(filter_string, spec)
    clauses: list[Clause] = []
    while reader.more():
        if clauses:
            reader.expect_and()
        clauses.append(reader.clause())
        if len(clauses) > MAX_CLAUSES:
            raise InvalidInput(f"A filter may have at most {MAX_CLAUSES} clauses.")
    return clauses


def parse_order(order_by: Sequence[str], spec: Spec) -> list[Order]:
    """Return the sort keys of ``order_by``, each "<key> [ASC|DESC]". Raises InvalidInput."""
    if len(order_by) > MAX_ORDER_KEYS:
        raise InvalidInput(f"At most {MAX_ORDER_KEYS} order_by keys are possible.")
    return [_Reader(text, spec, ordering=True).order() for text in order_by]


class _Reader:
    """Walks the tokens of one text from left to right."""

    def __init__(self, text: str, spec: Spec, *, ordering: bool = False) -> None:
        self.text = text if len(text) <= 200 else text[:200] + "…"  # noqa: PLR2004 - for messages
        self.spec = spec
        self.ordering = ordering
        self.tokens = tokens_of(text)
        self.at = 0

    def more(self) -> bool:
        return self.at < len(self.tokens)

    def _peek(self) -> Token | None:
        return self.tokens[self.at] if self.more() else None

    def _next(self, expected: str) -> Token:
        token = self._peek()
        if token is None:
            raise self._wrong(f"it ends where {expected} should follow")
        self.at += 1
        return token

    def _wrong(self, why: str) -> InvalidInput:
        if self.ordering:
            return InvalidInput(f"Invalid order_by clause {self.text!r}: {why}.")
        return InvalidInput(f"Invalid clause(s) in filter string {self.text!r}: {why}.")

    def expect_and(self) -> None:
        token = self._next("AND")
        if token.word != "AND" or not self.more():
            raise self._wrong(f"only AND joins clauses, found {token.excerpt}")

    def clause(self) -> Clause:
        group, key, column = self._key()
        operator = self._operator()
        if operator not in column.operators:
            raise self._not_comparable(group, key, operator, column)
        return Clause(group, key, operator, self._value(operator, column.kind))

    def _not_comparable(self, group: str, key: str, operator: str, column: Column) -> InvalidInput:
        nullable = [f"{name}s" for name in ("tag", "param") if NULL_OPERATORS.issubset(self._operators(name))]
        if operator in NULL_OPERATORS and nullable:
            supported = " and ".join(nullable)
            return InvalidInput(f"IS NULL / IS NOT NULL is only supported for {supported}, not for {group} {key!r}.")
        allowed = ", ".join(sorted(column.operators))
        return InvalidInput(f"Invalid comparator {operator!r} for {group} {key!r}: it must be one of {allowed}.")

    def _operators(self, group: str) -> frozenset[str]:
        return self.spec.groups[group].operators if group in self.spec.groups else frozenset()

    def order(self) -> Order:
        if not self.more():
            raise self._wrong("it is empty")
        group, key, _ = self._key()
        ascending = True
        if (token := self._peek()) is not None:
            if token.word not in {"ASC", "DESC"}:
                raise self._wrong(f"the direction is ASC or DESC, not {token.excerpt}")
            ascending = token.word == "ASC"
            self.at += 1
        if self.more():
            raise self._wrong("nothing may follow the direction")
        return Order(group, key, ascending)

    def _key(self) -> tuple[str, str, Column]:
        prefix, name = self._dotted()
        if name is None:
            return self._attribute(prefix)
        group = self.spec.prefixes.get(prefix.lower())
        if group is None:
            prefixes = ", ".join(sorted(self.spec.prefixes)) or "none"
            raise InvalidInput(f"Invalid entity type {prefix[:100]!r}. Valid values are {prefixes}.")
        if group == ATTRIBUTE:
            return self._attribute(name)
        if self.ordering and group not in self.spec.order_groups:
            raise self._not_sortable(f"{prefix}.{name}")
        allowed = self.spec.group_keys.get(group)
        if allowed is not None and name not in allowed:
            raise InvalidInput(f"Invalid {group} key {name[:100]!r} specified. Valid keys are {sorted(allowed)}.")
        return group, name, self.spec.groups[group]

    def _attribute(self, name: str) -> tuple[str, str, Column]:
        key = self.spec.aliases.get(name, name)
        if self.ordering and key not in self.spec.order_keys:
            raise self._not_sortable(name)
        if not self.ordering and key not in self.spec.attributes:
            allowed = sorted(self.spec.attributes)
            raise InvalidInput(f"Invalid attribute key {name[:100]!r} specified. Valid keys are {allowed}.")
        return ATTRIBUTE, key, self.spec.attributes.get(key, TEXT)

    def _not_sortable(self, name: str) -> InvalidInput:
        allowed = [*sorted(self.spec.order_keys), *sorted(f"{group}s.…" for group in self.spec.order_groups)]
        return InvalidInput(f"{self.spec.unknown_order.format(name[:100])} Valid keys are {allowed}.")

    def _dotted(self) -> tuple[str, str | None]:
        """Read `name` or `prefix.key`; the key may be quoted whole, or be names joined by dots."""
        first = self._next("a key")
        if not first.is_name:
            raise self._wrong(f"{first.excerpt} is no key")
        parts: list[Token] = []
        while (dot := self._peek()) is not None and dot.text == "." and dot.is_adjacent:
            self.at += 1
            part = self._next("the rest of the key")
            if not part.is_name or not part.is_adjacent:
                raise self._wrong(f"{part.excerpt} cannot be part of a key; quote it with backticks")
            parts.append(part)
        outer = parts[1:] if parts and parts[0].name in self.spec.nested else parts
        if any(part.is_quoted for part in parts) and len(outer) > 1:
            raise self._wrong("a key is quoted as a whole or not at all")
        return first.name, ".".join(part.name for part in parts) if parts else None

    def _operator(self) -> str:
        word = self._next("a comparator").word
        if word in {"IS", "NOT"}:
            word = f"{word} {self._next('NULL or IN').word}"
        if word == "IS NOT":
            word = f"{word} {self._next('NULL').word}"
        return word

    def _value(self, operator: str, kind: Kind) -> Value:
        if operator in NULL_OPERATORS:
            return None
        if operator in LIST_OPERATORS:
            return self._list()
        token = self._next("a value")
        if kind is Kind.TEXT or (kind is Kind.TEXT_OR_FLOAT and operator not in ORDER_OPERATORS):
            return self._string(token)
        return _integer(token) if kind is Kind.INTEGER else _float(token)

    def _string(self, token: Token) -> str:
        if not token.is_string:
            raise InvalidInput(
                "Parameter value is either not quoted or unidentified quote types used for string value "
                f"{token.excerpt[1:-1]}. Use either single or double quotes."
            )
        return token.name

    def _list(self) -> tuple[str, ...]:
        if self._next("a list").text != "(":
            raise self._wrong("IN needs a list in parentheses")
        values = [self._item(self._next("a value"))]
        while (mark := self._next("')'")).text == ",":
            following = self._next("a value")
            if following.text == ")":  # as Python writes a tuple with one value: ('a',)
                return tuple(values)
            values.append(self._item(following))
        if mark.text != ")":
            raise self._wrong(f"a list continues with ',' or ends with ')', found {mark.excerpt}")
        return tuple(values)

    @staticmethod
    def _item(token: Token) -> str:
        if token.is_string:
            return token.name
        expected = {")": _EMPTY_LIST, ",": _ILL_FORMED}.get(token.text, _NO_TEXT)
        raise InvalidInput(f"While parsing a list in the query, expected {expected}: {token.excerpt}.")


def _integer(token: Token) -> int | Fraction:
    """Return a number to compare with whole numbers; it may be a fraction, as `time.time() * 1000` is."""
    if _DECIMAL.fullmatch(token.text):
        number = Fraction(token.text)
        if -_INT64 <= number < _INT64:
            return int(number) if number.denominator == 1 else number
    raise InvalidInput(f"{token.excerpt} is no number of at most 64 bits.")


def _float(token: Token) -> float:
    """Return a number; one beyond the doubles becomes the largest, as it does when it is logged."""
    try:
        number = float(token.text) if token.is_number else math.nan
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise InvalidInput(f"{token.excerpt} is no number.")
    return max(-_LARGEST, min(_LARGEST, number))
