"""Parameters of tests are the same in every process of a run, and at its end as at its beginning."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent.parent
_CLOCK_OR_CHANCE = frozenset(
    {"time", "time_ns", "monotonic", "now", "today", "now_ms", "uuid4", "uuid1", "token_bytes", "token_hex"}
    | {"token_urlsafe", "random", "randint", "randbytes", "choice", "urandom", "time_ordered_uuid"}
)


def changing_calls(source: str) -> list[str]:
    """Return the calls in arguments of `parametrize` that read the clock or chance. Those in lambdas run later."""
    found = []
    for node in ast.walk(ast.parse(source)):
        for decorator in getattr(node, "decorator_list", ()):
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("parametrize"):
                found += [ast.unparse(call) for call in _calls(decorator) if _changes(call)]
    return found


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Lambda):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _calls(child)


def _changes(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    if name == "gzip.compress":  # its head has the time
        return "mtime" not in {keyword.arg for keyword in call.keywords}
    return name.rpartition(".")[2] in _CLOCK_OR_CHANCE


def test_no_parameter_reads_the_clock_or_chance() -> None:
    paths = sorted(TESTS.rglob("test_*.py"))
    found = {str(path.relative_to(TESTS)): changing_calls(path.read_text(encoding="utf-8")) for path in paths}
    assert {path: calls for path, calls in found.items() if calls} == {}


def test_such_a_parameter_is_found() -> None:
    source = (
        '@pytest.mark.parametrize("at", [timezone.now(), gzip.compress(b""), lambda: time.time()])\ndef test(): ...'
    )
    assert changing_calls(source) == ["timezone.now()", "gzip.compress(b'')"]
