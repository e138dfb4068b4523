"""Judges a file as a pickle: what it imports must be allowed, and it must be written as picklers write."""

from __future__ import annotations

import sys
from typing import BinaryIO

from validation.scanning.pickles.globals import problem_of_globals
from validation.scanning.pickles.joblib_arrays import JOBLIB_ARRAY
from validation.scanning.pickles.machine import Walk
from validation.scanning.pickles.walk import walk_pickle
from validation.scanning.report import Budget, FileReport

_MAX_PICKLES = 1000
# What consumers of models have besides Python's own modules: importing one of these by accident of a text is not
# assumed.
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
    """Judge a stream that holds one pickle after another, to its last byte; return the walks.

    A joblib file has raw arrays between the opcodes. It is walked as joblib reads it and also as `pickle.load` would,
    so that code hidden in an "array" for the other reader is seen too.
    """
    report.format = report.format or "pickle"
    walks = _walk_all(stream, budget, raw_arrays=False)
    seen = {name for walk in walks for name in walk.globals}
    if tuple(JOBLIB_ARRAY.rsplit(".", 1)) in seen:
        report.format = "joblib"
        stream.seek(0)
        walks = _walk_all(stream, budget, raw_arrays=True)
        seen |= {name for walk in walks for name in walk.globals}
    judge_walks(report, walks, persistent=persistent)
    judge_globals(report, seen, budget)
    return walks


def judge_walks(report: FileReport, walks: list[Walk], *, persistent: bool = False) -> None:
    """Refuse the file for problems of its walks other than globals."""
    for place, walk in enumerate(walks):
        if walk.refusal:
            report.refuse(f"as a pickle {'after its end ' if place else ''}{walk.refusal}")
            break
    if any(walk.persistent for walk in walks) and not persistent:
        report.refuse("as a pickle it refers to objects outside the file")


def judge_globals(report: FileReport, names: set[tuple[str, str]], budget: Budget) -> None:
    """Note the globals a file names, and refuse it for those that are not allowed."""
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
    """Return whether no byte is left in the stream."""
    more = stream.read(1)
    if more:
        stream.seek(-1, 1)
    return not more


def acts_like_pickle(stream: BinaryIO, budget: Budget) -> bool:
    """Return whether an unpickler that is given this file would import something that exists.

    A text such as a column of words may begin like an import ("city", "bern" is the name `bern` of a module `ity`).
    That counts where a call follows, where it ends as a pickle does, or where the module is one of Python's or a known
    library.
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
    """Return whether importing a name may do something: importing the module alone does where it is no plain one."""
    if module.split(".", maxsplit=1)[0] not in sys.stdlib_module_names | _LIBRARIES | {"?"}:
        return False
    return "." in module or module in _ACTING or all(part.isidentifier() for part in name.split(".")) or module == "?"
