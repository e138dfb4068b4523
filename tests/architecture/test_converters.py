"""Ids and times are converted in one place each: core/ids.py and core/times.py."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import modules, name_of, tree_of, walk

# Modules that write or read times themselves, each with its reason.
OWN_TIMES = {
    "audit/verifier/audit_verify.py": "one file that runs without the rest of the project",
    "core/times.py": "the converter",
    "webhooks/payloads.py": "MLflow's webhooks write the offset +00:00",
    "webhooks/samples.py": "as webhooks/payloads.py",
    "console/templatetags/custody.py": "the datetime attribute of HTML, beside the text a person reads",
    "registry/cards/exports/mct.py": "a date without a time",
    "tracking/store/bucket.py": "a mark of a stored object, compared with itself and never shown",
    "approvals/check_runs/external_results.py": "repeats the time in the error as the caller sent it",
}
# Modules that ask themselves whether a text is a number, each with its reason.
OWN_DIGITS = {
    "audit/verifier/webauthn_verify.py": "one file that runs without the rest of the project; it converts nothing",
    "core/ids.py": "the converter",
    "core/sqlite3/writers.py": "bytes of a file of its own; digits of bytes are ASCII",
}
OWN_LIMITS = {
    "core/ids.py": "the converter",
    "traces/limits.py": "the range of nanoseconds and of numbers in attributes",
    "mlflow_api/parse.py": "the range of the protocol's 64-bit integers, not of ids",
    "tracking/limits.py": "the range of steps and times of metrics",
    "tracking/search/grammar.py": "the range of numbers in a search",
}


def largest_integer(node: ast.AST) -> bool:
    """Return whether a node is the largest 64-bit integer, or the number after it."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int) and node.value in {2**63 - 1, 2**63}
    if (
        not isinstance(node, ast.BinOp)
        or not isinstance(node.left, ast.Constant)
        or not isinstance(node.right, ast.Constant)
    ):
        return False
    operands = (node.left.value, type(node.op), node.right.value)
    return operands in {(2, ast.Pow, 63), (1, ast.LShift, 63)}


def test_times_are_written_in_one_place() -> None:
    writers = {
        name_of(path)
        for path in modules()
        for node in walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"isoformat", "fromtimestamp"}
    }
    assert writers - OWN_TIMES.keys() == set()


def asks_for_digits(node: ast.AST) -> bool:
    """Return whether a node is a method such as `str.isdigit`, which accepts digits of other scripts."""
    return isinstance(node, ast.Attribute) and node.attr in {"isdigit", "isdecimal", "isnumeric"}


def test_numbers_are_recognised_in_one_place() -> None:
    askers = {name_of(path) for path in modules() for node in walk(tree_of(path)) if asks_for_digits(node)}
    assert askers - OWN_DIGITS.keys() == set()


@pytest.mark.parametrize("code", ["text.isdigit()", "str.isdecimal", "filter(str.isnumeric, texts)"])
def test_a_question_for_digits_is_recognised(code: str) -> None:
    assert any(asks_for_digits(node) for node in ast.walk(ast.parse(code)))


def test_the_range_of_ids_is_written_in_one_place() -> None:
    writers = {name_of(path) for path in modules() for node in walk(tree_of(path)) if largest_integer(node)}
    assert writers - OWN_LIMITS.keys() == set()


@pytest.mark.parametrize(
    "code", ["2**63 - 1", "2**63", "1 << 63", "(1 << 63) - 1", "9223372036854775807", "0x7fffffffffffffff"]
)
def test_the_range_of_ids_is_recognised(code: str) -> None:
    assert any(largest_integer(node) for node in ast.walk(ast.parse(code)))


def test_another_number_is_not_the_range_of_ids() -> None:
    assert not any(largest_integer(node) for node in ast.walk(ast.parse("2**31 - 1, 1 << 48, 63, 1.5, 'x' * 63")))
