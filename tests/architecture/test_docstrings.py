"""Public functions, methods and classes have docstrings, and a function fits a screen."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tests.architecture.source import ROOT, modules, name_of, tree_of, walk

LEAST_SHARE = 0.95
MOST_FUNCTION_LINES = 40
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public_definitions(body: Iterable[ast.stmt]) -> Iterator[Definition]:
    """Yield the public functions, methods and classes of a body, nested classes included, in order."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_") and node.name != "Meta":
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body)


def undocumented(tree: ast.Module) -> tuple[int, list[Definition]]:
    """Return how many public definitions a module has, and those without a docstring."""
    public = list(public_definitions(tree.body))
    return len(public), [node for node in public if not ast.get_docstring(node)]


def long_functions(tree: ast.Module) -> list[tuple[int, str, int]]:
    """Return (line, name, length in lines) of each function that is too long, without counting its decorators."""
    functions = [node for node in walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = [(node.lineno, node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in functions]
    return [found for found in lengths if found[2] > MOST_FUNCTION_LINES]


def scripts() -> list[Path]:
    """Return the modules of the benchmarks, which are not part of the product."""
    return sorted((ROOT / "bench").rglob("*.py"))


def test_public_definitions_have_docstrings() -> None:
    total, missing = 0, []
    for path in modules():
        count, without = undocumented(tree_of(path))
        total += count
        missing += [f"{name_of(path)}:{node.lineno} {node.name}" for node in without]
    share = 1 - len(missing) / total
    assert share >= LEAST_SHARE, f"{share:.1%} have a docstring. Missing:\n" + "\n".join(missing)


@cache
def exception_names() -> frozenset[str]:
    """Return the names of the exceptions of Python, of commands and of the product."""
    known = {name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)}
    known.add("CommandError")
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for path in modules()
        for node in walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
    }
    while derived := {name for name, above in bases.items() if above & known} - known:
        known |= derived
    return frozenset(known)


def bare_errors(docstring: str) -> list[str]:
    """Return the errors that begin a sentence or follow a semicolon without a verb: "NotFound." says nothing."""
    errors = "|".join(sorted(exception_names()))
    bare = re.compile(rf"(?:^|[.!?] |\n\n)({errors})\b|; ({errors})\.")
    text = re.sub(r"(?<!\n)\n(?!\n)", " ", docstring)
    return [match[1] or match[2] for match in bare.finditer(text) if not _names_raises(text[: match.start()])]


def _names_raises(text: str) -> bool:
    return re.search(r"\braises?\b", re.split(r"[.!?] |\n\n", text)[-1], re.IGNORECASE) is not None


def test_docstrings_say_that_an_error_is_raised() -> None:
    functions = [
        (path, node) for path in modules() for node in walk(tree_of(path)) if isinstance(node, ast.FunctionDef)
    ]
    assert [
        f"{name_of(path)}:{node.lineno} {node.name}: write 'Raises {error}'"
        for path, node in functions
        for error in bare_errors(ast.get_docstring(node) or "")
    ] == []


def test_a_bare_error_is_noticed() -> None:
    assert bare_errors("Return a row. NotFound, Denied.") == ["NotFound"]
    assert bare_errors("Return a row; NotFound.\n\nConflict: it is\ntaken.") == ["NotFound", "Conflict"]
    assert bare_errors("Return a row. Raises NotFound: no row; Denied.") == []


def test_a_function_fits_a_screen() -> None:
    found = [
        f"{name_of(path)}:{line} {name} has {length} lines"
        for path in [*modules(), *scripts()]
        for line, name, length in long_functions(tree_of(path))
    ]
    assert found == [], f"A function has at most {MOST_FUNCTION_LINES} lines: split it."


_SAMPLE = '''
class Shown:
    """Documented."""

    class Meta:
        pass

    def without(self): ...

    def _private(self): ...


def documented():
    """Documented."""

    def inside(): ...


class _Private:
    def method(self): ...
'''


def test_a_missing_docstring_is_noticed() -> None:
    total, missing = undocumented(ast.parse(_SAMPLE))
    assert total == 3
    assert [node.name for node in missing] == ["without"]


def test_a_long_function_is_noticed() -> None:
    body = ["    pass"] * (MOST_FUNCTION_LINES - 1)
    fits = "\n".join(["def fits():", *body])
    too_long = "\n".join(["@cache", "async def too_long():", *body, "    pass"])
    assert long_functions(ast.parse(f"{fits}\n\n{too_long}")) == [(43, "too_long", 41)]
