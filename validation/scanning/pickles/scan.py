"""Scan of a file as a pickle: its imports must be allowed, and it must be written as picklers write."""

from __future__ import annotations

import sys
from typing import BinaryIO

from validation.scanning.pickles.globals import problem_of_globals
from validation.scanning.pickles.joblib_arrays import JOBLIB_ARRAY
from validation.scanning.pickles.machine import Walk
from validation.scanning.pickles.walk import walk_pickle
from validation.scanning.report import Budget, FileReport

_MAX_PICKLES = 1000
# Libraries that loaders of models have besides Python's modules. A text that imports one of them counts as a pickle.
_LIBRARIES = frozenset(
    [
        "cloudpickle",
        "dill",
        "joblib",
        "keras",
        "lightgbm",
        "matplotlib",
        "mlflow",
        "numpy",
        "pandas",
        "pip",
        "pkg_resources",
        "scipy",
        "setuptools",
        "sklearn",
        "tensorflow",
        "torch",
        "transformers",
        "xgboost",
    ]
)
_ACTING = frozenset({"antigravity", "this"})


def scan_pickle(report: FileReport, stream: BinaryIO, budget: Budget, *, persistent: bool = False) -> list[Walk]:
    """Scan a stream of one pickle after another, to its last byte. Return the walks.

    A joblib file has raw arrays between the opcodes. It is read as joblib reads it and also as `pickle.load` does, so
    that code hidden in an "array" for the other reader is scanned too. With ``persistent`` objects outside the file
    are allowed.
    """
    report.format = report.format or "pickle"
    walks = _walk_all(stream, budget, raw_arrays=False)
    names = {name for walk in walks for name in walk.globals}
    if tuple(JOBLIB_ARRAY.rsplit(".", 1)) in names:
        report.format = "joblib"
        stream.seek(0)
        walks = _walk_all(stream, budget, raw_arrays=True)
        names |= {name for walk in walks for name in walk.globals}
    check_walks(report, walks, persistent=persistent)
    check_globals(report, names, budget)
    return walks


def check_walks(report: FileReport, walks: list[Walk], *, persistent: bool = False) -> None:
    """Refuse the file for problems of its walks other than globals."""
    for number, walk in enumerate(walks):
        if walk.refusal:
            report.refuse(f"as a pickle {'after its end ' if number else ''}{walk.refusal}")
            break
    if any(walk.persistent for walk in walks) and not persistent:
        report.refuse("as a pickle it refers to objects outside the file")


def check_globals(report: FileReport, names: set[tuple[str, str]], budget: Budget) -> None:
    """Add the globals of a file to its report, and refuse the file for those that are not allowed."""
    report.globals |= {f"{module}.{name}" for module, name in names}
    if problem := problem_of_globals(names, budget.allow):
        report.refuse(problem)


def _walk_all(stream: BinaryIO, budget: Budget, *, raw_arrays: bool) -> list[Walk]:
    """Walk pickle after pickle until the stream ends or one is broken."""
    walks = [walk_pickle(stream, raw_arrays=raw_arrays, tick=budget.spend_steps)]
    while not walks[-1].refusal and not at_end(stream):
        if len(walks) >= _MAX_PICKLES:
            walks[-1].note("it is one of too many in a file")
            break
        walks.append(walk_pickle(stream, raw_arrays=raw_arrays, tick=budget.spend_steps))
    return walks


def at_end(stream: BinaryIO) -> bool:
    """Return whether the stream is at its end."""
    next_byte = stream.read(1)
    if next_byte:
        stream.seek(-1, 1)
    return not next_byte


def acts_like_pickle(stream: BinaryIO, budget: Budget) -> bool:
    """Return whether an unpickler that gets this file would import something that exists.

    A text such as a column of words can begin like an import: "city", "bern" imports the name `bern` of a module `ity`.
    It counts only if a call follows, if it ends as a pickle does, or if the module is of Python or a known library.
    """
    for _ in range(_MAX_PICKLES):
        walk = walk_pickle(stream, tick=budget.spend_steps)
        if walk.globals and (
            walk.calls > 0 or not walk.error or any(_may_exist(module, name) for module, name in walk.globals)
        ):
            return True
        if walk.error or at_end(stream):
            break
    return False


def _may_exist(module: str, name: str) -> bool:
    """Return whether importing a name may succeed, or importing its module alone may have an effect."""
    if module.split(".", maxsplit=1)[0] not in sys.stdlib_module_names | _LIBRARIES | {"?"}:
        return False
    return "." in module or module in _ACTING or all(part.isidentifier() for part in name.split(".")) or module == "?"
