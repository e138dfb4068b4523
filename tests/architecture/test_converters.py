"""Ids and times are converted in one place each: core/ids.py and core/times.py."""

from __future__ import annotations

import ast

from tests.architecture.source import modules, name_of, tree_of

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
OWN_LIMITS = {
    "core/ids.py": "the converter",
    "traces/limits.py": "the range of nanoseconds and of numbers in attributes",
    "mlflow_api/parse.py": "the range of the protocol's 64-bit integers, not of ids",
}


def test_times_are_written_in_one_place() -> None:
    writers = {
        name_of(path)
        for path in modules()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"isoformat", "fromtimestamp"}
    }
    assert writers - OWN_TIMES.keys() == set()


def test_the_range_of_ids_is_written_in_one_place() -> None:
    writers = {
        name_of(path) for path in modules() for node in ast.walk(tree_of(path)) if ast.unparse(node) == "2 ** 63 - 1"
    }
    assert writers - OWN_LIMITS.keys() == set()
