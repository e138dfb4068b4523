"""Columns of hand-written SQL, read from the models, so that a new column of a model is in every statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db.models import Field, ForeignKey, Model, TextField, UniqueConstraint, Value

# A generated key is never read or written by name unless a statement asks for it.
_GENERATED = frozenset({"AutoField", "BigAutoField"})
# Types of PostgreSQL that hold the values of a kind of field, in arrays and casts.
_TYPES = {
    "BigAutoField": "int8",
    "BigIntegerField": "int8",
    "BooleanField": "bool",
    "CharField": "text",
    "FloatField": "float8",
    "JSONField": "text",
    "TextField": "text",
}
# Further kinds of fields whose values are sent in arrays only.
_ARRAY_TYPES = {
    "BinaryField": "bytea",
    "DateTimeField": "timestamptz",
    "JSONField": "jsonb",
    "SmallIntegerField": "int2",
    "UUIDField": "uuid",
}


def long_text(text: str) -> Value:
    """Return a text for `bulk_create` that is sent as it is: psycopg is many times slower with arrays of long texts."""
    return Value(text, output_field=TextField())


def table_of(model: type[Model]) -> str:
    """Return the name of a model's table."""
    return model._meta.db_table  # noqa: SLF001 - Django's own name for it


def columns_of(model: type[Model], *, without: Collection[str] = ()) -> tuple[str, ...]:
    """Return a model's columns in the order of its fields, except for a generated key and those in ``without``.

    Raises ValueError where ``without`` names a column that the model does not have.
    """
    fields = _fields(model)
    if unknown := set(without) - fields.keys():
        msg = f"{model.__name__} has no column {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    generated = {column for column, field in fields.items() if field.get_internal_type() in _GENERATED}
    return tuple(column for column in fields if column not in {*generated, *without})


def unique_columns(model: type[Model], constraint: str) -> tuple[str, ...]:
    """Return the columns of a unique constraint, for ON CONFLICT.

    Raises KeyError where the model has none of that name.
    """
    constraints = {each.name: each for each in model._meta.constraints if isinstance(each, UniqueConstraint)}  # noqa: SLF001 - Django's own name for it
    columns = {field.name: column for column, field in _fields(model).items()}
    return tuple(columns[name] for name in constraints[constraint].fields)


def type_of(model: type[Model], column: str) -> str:
    """Return the PostgreSQL type for the values of a column.

    Raises KeyError for an unknown column, or a kind of field that is not in the table above.
    """
    return _TYPES[_kind(model, column)]


def array_type_of(model: type[Model], column: str) -> str:
    """Return the PostgreSQL type of the elements of an array that is inserted into a column.

    Raises KeyError for an unknown column, or a kind of field that is not in the tables above.
    """
    return (_TYPES | _ARRAY_TYPES)[_kind(model, column)]


def defaults_of(model: type[Model]) -> dict[str, Any]:
    """Return the default value of each of `columns_of`."""
    return {column: _fields(model)[column].get_default() for column in columns_of(model)}


def moments_of(model: type[Model]) -> tuple[str, ...]:
    """Return the columns that hold the time at which a row was inserted."""
    return tuple(column for column, field in _fields(model).items() if getattr(field, "auto_now_add", False))


def _kind(model: type[Model], column: str) -> str:
    field = _fields(model)[column]
    return (field.target_field if isinstance(field, ForeignKey) else field).get_internal_type()


def listed(columns: Iterable[str], *, of: str = "") -> str:
    """Return columns for a statement: ``a, b``, or ``t.a, t.b`` for the table ``t``."""
    return ", ".join(f"{of}.{column}" if of else column for column in columns)


def placeholders(columns: Sequence[str]) -> str:
    """Return one placeholder for each column."""
    return ", ".join(["%s"] * len(columns))


def insert_into(model: type[Model]) -> str:
    """Return the INSERT of one row with a value for each of `columns_of`, in that order."""
    columns = columns_of(model)
    return f"INSERT INTO {table_of(model)} ({listed(columns)}) VALUES ({placeholders(columns)})"  # noqa: S608 - names


def _fields(model: type[Model]) -> dict[str, Field[Any, Any]]:
    return {str(field.column): field for field in model._meta.concrete_fields}  # noqa: SLF001 - Django's own name for it
