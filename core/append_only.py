"""Rows that are inserted and never changed, refused at three levels.

Python refuses here, the database's triggers refuse (core/database_guards.py), and in production the server's database
role has no UPDATE, DELETE or TRUNCATE on these tables (docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from django.db import models


class AppendOnlyError(RuntimeError):
    """Code tried to change an append-only row: a fault in the code, never the caller's."""


def _refuse(operation: str) -> NoReturn:
    msg = f"{operation}: these rows are append-only."
    raise AppendOnlyError(msg)


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """A queryset that reads and inserts. Every other write raises AppendOnlyError."""

    def update(self, **_kwargs: Any) -> NoReturn:
        """Raise AppendOnlyError."""
        _refuse("update")

    def delete(self) -> NoReturn:
        """Raise AppendOnlyError."""
        _refuse("delete")

    def bulk_update(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raise AppendOnlyError."""
        _refuse("bulk_update")

    def update_or_create(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raise AppendOnlyError."""
        _refuse("update_or_create")

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Insert the rows and return them. Raises AppendOnlyError for ``update_conflicts``."""
        if kwargs.get("update_conflicts"):
            _refuse("bulk_create with update_conflicts")
        return super().bulk_create(objs, *args, **kwargs)


class AppendOnlyModel(models.Model):
    """A model whose rows can be inserted and read. Its foreign keys are PROTECT or DO_NOTHING."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the row. Raises AppendOnlyError for a row that was loaded or saved before."""
        if not self._state.adding:
            _refuse("save")
        super().save(*args, **(kwargs | {"force_insert": True}))

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raise AppendOnlyError."""
        _refuse("delete")
