"""Turns clauses of a filter into conditions that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

from django.db.models import Case, CharField, Exists, F, Field, Lookup, Q, QuerySet, TextField, Value, When
from django.db.models.expressions import OrderBy

from tracking.prefix import Prefix, prefix_of
from tracking.search.grammar import Clause

Pieces = tuple[str, tuple[Any, ...]]


@Field.register_lookup
class Differs(Lookup):
    """SQL's `<>`: NULL differs from nothing. (Django's exclude() would let NULL through.)"""

    lookup_name = "differs"

    def as_sql(self, compiler: Any, connection: Any) -> Pieces:
        """Return the SQL and its parameters."""
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} <> {right}", (*left_params, *right_params)


class _Pattern(Lookup):
    """A LIKE pattern in which only % and _ are special; the backslash is a backslash."""

    prepare_rhs = False
    operator = ""

    def _sql(self, compiler: Any, connection: Any, operator: str, pattern: str, ending: str = "") -> Pieces:
        left, left_params = self.process_lhs(compiler, connection)
        return f"{left} {operator} %s{ending}", (*left_params, pattern)

    def as_sql(self, compiler: Any, connection: Any) -> Pieces:
        """Return the SQL with the database's own operator, and its parameters."""
        return self._sql(compiler, connection, self.operator, self.rhs, " ESCAPE ''")


@CharField.register_lookup
@TextField.register_lookup
class SqlLike(_Pattern):
    """LIKE, with case. SQLite's own LIKE ignores case, so it is GLOB there."""

    lookup_name = "sql_like"
    operator = "LIKE"

    def as_sqlite(self, compiler: Any, connection: Any) -> Pieces:
        """Return the SQL with GLOB, which respects case on SQLite, and its parameters."""
        return self._sql(compiler, connection, "GLOB", "".join(_GLOB.get(char, char) for char in self.rhs))


@CharField.register_lookup
@TextField.register_lookup
class SqlIlike(_Pattern):
    """LIKE without case.

    SQLite's own LIKE knows the case of ASCII letters only, so a pattern with others is folded here.
    """

    lookup_name = "sql_ilike"
    operator = "ILIKE"

    def as_sqlite(self, compiler: Any, connection: Any) -> Pieces:
        """Return the SQL and its parameters: with LIKE, which ignores case on SQLite, or with a function of ours."""
        if self.rhs.isascii():
            return self._sql(compiler, connection, "LIKE", self.rhs)
        connection.ensure_connection()
        connection.connection.create_function("custody_ilike", 2, ilike, deterministic=True)
        left, left_params = self.process_lhs(compiler, connection)
        return f"custody_ilike({left}, %s)", (*left_params, self.rhs)


def ilike(text: str | None, pattern: str) -> bool | None:
    """Return whether a text matches a LIKE pattern, whatever the case of its letters; None for no text."""
    return None if text is None else _pattern(pattern).fullmatch(text.lower()) is not None


@lru_cache(maxsize=64)
def _pattern(pattern: str) -> re.Pattern[str]:
    wild = {"%": ".*", "_": "."}
    return re.compile("".join(wild.get(char) or re.escape(char) for char in pattern.lower()), re.DOTALL)


_GLOB = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
_LOOKUPS = {
    "=": "exact",
    "!=": "differs",
    ">": "gt",
    ">=": "gte",
    "<": "lt",
    "<=": "lte",
    "LIKE": "sql_like",
    "ILIKE": "sql_ilike",
    "IN": "in",
    "RLIKE": "regex",
}


def compare(column: str, clause: Clause) -> Q:
    """Return the condition that compares ``column`` (a field path) with the clause's value by its operator."""
    if clause.operator in {"IS NULL", "IS NOT NULL"}:
        return Q(**{f"{column}__isnull": clause.operator == "IS NULL"})
    if clause.operator == "NOT IN":
        return ~Q(**{f"{column}__in": clause.value}) & Q(**{f"{column}__isnull": False})
    if isinstance(clause.value, Fraction):
        return _compare_whole(column, clause.operator, clause.value)
    return Q(**{f"{column}__{_LOOKUPS[clause.operator]}": clause.value})


def _compare_whole(column: str, operator: str, value: Fraction) -> Q:
    """Return an integer column's comparison with a fraction, in integers: a double cannot hold every 64-bit integer."""
    if operator == "=":
        return Q(pk__in=[])
    if operator == "!=":
        return Q(**{f"{column}__isnull": False})
    below = math.floor(value)
    return Q(**{f"{column}__lte": below}) if operator in {"<", "<="} else Q(**{f"{column}__gt": below})


def keyed(rows: QuerySet[Any], clause: Clause) -> Q:
    """Return the condition on an object's params or tags, given as its rows (key, value) of the clause's key.

    Whatever has no such row fails every comparison, `!=` too, and passes IS NULL.
    """
    if clause.operator == "IS NULL":
        return ~there_is(rows)
    if clause.operator == "IS NOT NULL":
        return there_is(rows)
    return there_is(rows.filter(compare("value", clause)))


def has_value(rows: QuerySet[Any], owner: str, clause: Clause) -> Q:
    """Return the condition that an object is the ``owner`` of one of the rows (of one key) with exactly this value.

    The index holds the beginning of values (tracking/prefix.py), so the beginning is compared as well.
    """
    beginning = prefix_of(str(clause.value))
    equal = rows.alias(beginning=Prefix("value")).filter(beginning=beginning, value=clause.value)
    return Q(pk__in=equal.values(owner))


def there_is(rows: QuerySet[Any]) -> Q:
    """Return the condition that a correlated queryset has a row."""
    return Q(Exists(rows))


def nulls_last(column: str, *, ascending: bool) -> OrderBy:
    """Return a sort key that puts rows without a value last, in either direction."""
    return OrderBy(F(column), descending=not ascending, nulls_last=True)


def numbers_first(value: str, is_nan: str) -> OrderBy:
    """Return the sort key that puts numbers before NaN, and NaN before rows without a value."""
    rank = Case(
        When(**{value + "__isnull": True}, then=Value(2)), When(**{is_nan: True}, then=Value(1)), default=Value(0)
    )
    return OrderBy(rank)
