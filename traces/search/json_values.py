"""Values in the JSON of spans and assessments as text, for filters on both databases."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Func, TextField
from django.db.models.functions import Coalesce

from core.errors import InvalidInput

Sql = tuple[str, tuple[Any, ...]]
_TYPES = ("string_value", "int_value", "double_value", "bool_value")


class JsonMeaning(Func):
    """A JSON value as text: a JSON string without its quotes and escapes, every other value as its JSON."""

    arity = 1
    output_field = TextField()
    template = "(CASE WHEN SUBSTR(%(expressions)s, 1, 1) = '\"' THEN %(text)s ELSE %(expressions)s END)"

    def as_sqlite(self, compiler: Any, connection: Any, **_context: Any) -> Any:
        """Return the SQL for SQLite, which reads the string with json_extract."""
        return self.as_sql(compiler, connection, text=f"json_extract({self._column(compiler)}, '$')")

    def as_postgresql(self, compiler: Any, connection: Any, **_context: Any) -> Any:
        """Return the SQL for PostgreSQL, which reads the string with #>>."""
        return self.as_sql(compiler, connection, text=f"({self._column(compiler)}::json #>> '{{}}')")

    def _column(self, compiler: Any) -> str:
        sql: str = compiler.compile(self.source_expressions[0])[0]
        return sql


class _JsonText(Func):
    """The value at a path in a column of JSON, as text (lists and mappings as JSON); NULL where there is none."""

    output_field = TextField()

    def __init__(self, column: object, *path: str) -> None:
        self.path = path
        super().__init__(column)

    def as_sqlite(self, compiler: Any, connection: Any, **_context: Any) -> Sql:  # noqa: ARG002 - Django's signature
        """Return the SQL for SQLite, which would return true and false as numbers."""
        sql, params = compiler.compile(self.source_expressions[0])
        path = "$" + "".join(f'."{part}"' for part in self.path)
        text = (
            f"CASE json_type({sql}, %s) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' "
            f"ELSE CAST(json_extract({sql}, %s) AS TEXT) END"
        )
        return f"({text})", (*params, path, *params, path)

    def as_postgresql(self, compiler: Any, connection: Any, **_context: Any) -> Sql:  # noqa: ARG002 - see above
        """Return the SQL for PostgreSQL."""
        sql, params = compiler.compile(self.source_expressions[0])
        marks = ", ".join(["%s::text"] * len(self.path))
        return f"({sql}::jsonb #>> ARRAY[{marks}])", (*params, *self.path)


def span_attribute(key: str) -> Coalesce:
    """Return the value of an attribute of a span as text; a list or mapping is its JSON.

    Raises InvalidInput: a bad key.
    """
    if not key or '"' in key or "\\" in key:
        raise InvalidInput("The name of a span's attribute cannot be empty, nor hold quotes or backslashes.")
    scalars = [_JsonText(F("content"), "attributes", key, value_type) for value_type in _TYPES]
    return Coalesce(*scalars, _JsonText(F("content"), "attributes", key), output_field=TextField())
