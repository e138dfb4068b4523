"""The beginning of a long text, which is indexed instead of the text: an index entry has a maximum length."""

from __future__ import annotations

from typing import Any

from django.db.models import Func, TextField
from django.db.models.functions import Substr

PREFIX_LENGTH = 100


class Prefix(Func):
    """The value of `indexed` for one row.

    The length is part of the SQL: with a parameter no index would be recognised.
    """

    function = "SUBSTRING"
    template = f"%(function)s(%(expressions)s, 1, {PREFIX_LENGTH})"
    arity = 1
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Name the function as Django's own `Substr` does there."""
        return self.as_sql(compiler, connection, function="SUBSTR", **context)


def indexed(column: str) -> Substr:
    """Return the expression for an index. It uses Django's own functions, so that migrations import no code of ours."""
    return Substr(column, 1, PREFIX_LENGTH)


def prefix_of(text: str) -> str:
    """Return the value of `Prefix` for a text."""
    return text[:PREFIX_LENGTH]
