"""Rows that are written once. The first of three belts: Python refuses, the database's triggers refuse, and in production
the role the server uses has no UPDATE, DELETE or TRUNCATE on these tables (docs/operations.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from django.db import models


class AppendOnlyError(RuntimeError):
    """Code tried to change what is written once; a mistake in the code, never the caller's."""


def _refuse(what: str) -> NoReturn:
    msg = f"{what}: these rows are written once and never changed."
    raise AppendOnlyError(msg)


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Reads and inserts; every other way to write raises."""

    def update(self, **_kwargs: Any) -> NoReturn:
        _refuse("update")

    def delete(self) -> NoReturn:
        _refuse("delete")

    def bulk_update(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        _refuse("bulk_update")

    def update_or_create(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        _refuse("update_or_create")

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        if kwargs.get("update_conflicts"):
            _refuse("bulk_create with update_conflicts")
        return super().bulk_create(objs, *args, **kwargs)


class AppendOnlyModel(models.Model):
    """A model whose rows can be inserted and read."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the row; refuse one that has been loaded or saved before."""
        if not self._state.adding:
            _refuse("save")
        super().save(*args, **(kwargs | {"force_insert": True}))

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        _refuse("delete")
