"""Which domain errors a function raises, read from the syntax trees: by itself, and through what it plainly calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from tests.architecture.source import modules, name_of, tree_of, walk

_ROOT_ERROR = "DomainError"
# Every interface authenticates its caller first, and its documentation says so once.
_AUTHENTICATES = "actor_of"
Function = tuple[str, str]
"""A module by its dotted name, and a function of it."""


def module_of(path_name: str) -> str:
    return path_name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def bases_of_errors() -> dict[str, frozenset[str]]:
    """Return each domain error with itself and the errors that it is derived from, without the root."""
    bases = {
        node.name: [base.id for base in node.bases if isinstance(base, ast.Name)]
        for path in modules()
        for node in walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
    }

    def ancestors(name: str) -> set[str]:
        return {name} | {above for base in bases.get(name, ()) for above in ancestors(base)}

    derived = {name: ancestors(name) for name in bases}
    return {name: frozenset(names - {_ROOT_ERROR}) for name, names in derived.items() if _ROOT_ERROR in names}


@cache
def functions() -> dict[Function, ast.FunctionDef]:
    """Return the functions at the top of every module."""
    return {
        (module_of(name_of(path)), node.name): node
        for path in modules()
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef)
    }


@cache
def imports() -> dict[str, dict[str, Function]]:
    """Return what each module imports by name."""
    return {
        module_of(name_of(path)): {
            alias.asname or alias.name: (node.module or "", alias.name)
            for node in tree_of(path).body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for path in modules()
    }


def resolve(module: str, name: str) -> Function | None:
    """Return the function that a name means in a module, through packages that pass it on; None for anything else."""
    for _ in range(4):
        if (module, name) in functions():
            return module, name
        if name not in imports().get(module, {}):
            return None
        module, name = imports()[module][name]
    return None


def uncaught(
    node: ast.AST, caught: frozenset[str] = frozenset()
) -> Iterator[tuple[ast.Raise | ast.Call, frozenset[str]]]:
    """Yield each raise and call below a node with the names of the errors that are caught around it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return
    if isinstance(node, ast.Raise | ast.Call):
        yield node, caught
    if isinstance(node, ast.Try):
        handled = {
            name.id for handler in node.handlers for name in walk(handler.type or handler) if isinstance(name, ast.Name)
        }
        for guarded in node.body:
            yield from uncaught(guarded, caught | handled)
        rest: list[ast.AST] = [*node.handlers, *node.orelse, *node.finalbody]
    else:
        rest = list(ast.iter_child_nodes(node))
    for part in rest:
        yield from uncaught(part, caught)


@cache
def _uncaught_in(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[tuple[ast.Raise | ast.Call, frozenset[str]]]:
    return [found for part in function.body for found in uncaught(part)]


def _escapes(error: str, caught: frozenset[str]) -> bool:
    return not caught & ({_ROOT_ERROR, "Exception"} | bases_of_errors()[error])


@cache
def own_errors(function: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    """Return the domain errors that the body of a function raises itself."""
    names = set()
    for node, caught in _uncaught_in(function):
        if isinstance(node, ast.Raise):
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(raised, ast.Name) and raised.id in bases_of_errors() and _escapes(raised.id, caught):
                names.add(raised.id)
    return frozenset(names)


def errors_through_calls(
    module: str, function: ast.FunctionDef | ast.AsyncFunctionDef, seen: frozenset[Function] = frozenset()
) -> set[str]:
    """Return the errors that the functions it calls by name raise themselves;
    its module's private ones are followed.
    """
    names = set()
    for node, caught in _uncaught_in(function):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id == _AUTHENTICATES:
            continue
        called = resolve(module, node.func.id)
        if called is None:
            continue
        raised = own_errors(functions()[called])
        if called[0] == module and called[1].startswith("_") and called not in seen:
            raised |= errors_through_calls(module, functions()[called], seen | {called})
        names |= {error for error in raised if _escapes(error, caught)}
    return names
