"""Every message has a sweep: what is enqueued is done, or found undone by a task of the schedule."""

from __future__ import annotations

import ast

import pytest
from django.conf import settings

from tests.architecture.source import modules, name_of, tree_of, walk


def enqueued_in(tree: ast.Module) -> set[str]:
    """Return the names of the tasks that a module enqueues: a string, or a constant of the module that is one.

    ValueError where a name cannot be read: then no test could see that its sweep is missing.
    """
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    names = set()
    for node in walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "enqueue":
            task = node.args[0]
            name = task.value if isinstance(task, ast.Constant) else constants.get(getattr(task, "id", ""))
            if not isinstance(name, str):
                raise ValueError(f"line {node.lineno}: name the task by a string or by a constant of the module")
            names.add(name)
    return names


def test_every_enqueued_task_has_a_sweep_on_the_schedule() -> None:
    enqueued = {
        name for path in modules() if name_of(path) != "audit/services.py" for name in enqueued_in(tree_of(path))
    }
    assert len(enqueued) >= 8
    assert enqueued - settings.SWEEPS.keys() == set(), "name what finds it undone in settings.SWEEPS"
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert set(settings.SWEEPS.values()) - scheduled == set()


def test_a_task_behind_a_constant_is_noticed() -> None:
    code = "BUILD = 'a.b'\nenqueue(BUILD, x=1)\nenqueue('c.d')\n"
    assert enqueued_in(ast.parse(code)) == {"a.b", "c.d"}
    with pytest.raises(ValueError, match="line 1"):
        enqueued_in(ast.parse("enqueue(name_of(row))"))
