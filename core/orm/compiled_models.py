"""Queries for model instances whose SQL the ORM writes once: for a few rows, writing it takes longer than running it.

Where a process uses a query often, it makes a `CompiledModels` when its module is imported. The query has a `Slot` in
the place of each value that changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.models.sql.compiler import SQLCompiler
from django.db.transaction import TransactionManagementError

from core.orm.compiled_queries import CompiledQuery

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A query as SQL, and the compiler that knows which columns belong to which model."""

    query: CompiledQuery
    compiler: SQLCompiler
    converters: dict[int, Any]
    locks: bool


class CompiledModels(Generic[M]):
    """A query for instances of one model and of those in its `select_related`.

    ``build`` returns the query, with slots. It is called once for each kind of database. What it depends on besides the
    slots, such as a setting, must not change afterwards. Raises ValueError on first use for a query with
    `prefetch_related`, which this does not follow.
    """

    def __init__(self, build: Callable[[], QuerySet[M]]) -> None:
        self._build = build
        self._plans: dict[str, _Plan] = {}

    def all(self, **values: Any) -> list[M]:
        """Run the query with a value for each slot, and return its instances.

        Raises TransactionManagementError for a query that locks rows, outside a transaction.
        """
        plan = self._plan()
        if plan.locks and not connection.in_atomic_block:  # Django asks this when it writes the SQL, which is once
            msg = "a query that locks rows outside a transaction"
            raise TransactionManagementError(msg)
        rows: Any = plan.query.rows(values)
        if plan.converters:
            rows = plan.compiler.apply_converters(rows, plan.converters)
        return _instances(plan.compiler, rows)

    def first(self, **values: Any) -> M | None:
        """Return the first instance, None where there is none."""
        return next(iter(self.all(**values)), None)

    def _plan(self) -> _Plan:
        plan = self._plans.get(connection.vendor)
        if plan is None:
            plan = self._plans[connection.vendor] = _plan_of(self._build())
        return plan


def _plan_of(query: QuerySet[Any]) -> _Plan:
    if query._prefetch_related_lookups:  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public name
        msg = "a compiled query follows select_related only"
        raise ValueError(msg)
    compiler = query.query.get_compiler(connection=connection)
    text, values = compiler.as_sql()
    converters = compiler.get_converters([expression for expression, _, _ in compiler.select])
    return _Plan(CompiledQuery(text, tuple(values)), compiler, converters, query.query.select_for_update)


def _instances(compiler: SQLCompiler, rows: Any) -> list[Any]:
    """Return instances as `django.db.models.query.ModelIterable` makes them of rows."""
    info: dict[str, Any] = compiler.klass_info or {}
    model, fields = info["model"], info["select_fields"]
    start, end = fields[0], fields[-1] + 1
    names = [selected[0].target.attname for selected in compiler.select[start:end]]
    populators = get_related_populators(info, compiler.select, connection.alias)  # type: ignore[call-arg]  # the stubs are those of a later Django
    instances = []
    for row in rows:
        instance = model.from_db(connection.alias, names, row[start:end])
        for populator in populators:
            populator.populate(row, instance)
        instances.append(instance)
    return instances
