"""A model's folder, judged: each file by itself, and then what files say of one another.

A file that has no mark of a format passes as the data of another that names it (an ONNX graph its weights, an index its
shards). A file that MLmodel has loaded must be there, and be of a format that this loader takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import BinaryIO

from validation.scanning.files import scan_file
from validation.scanning.report import Budget, FileReport, Unsafe, settle

Opened = Callable[[str], BinaryIO]


def scan_folder(
    names: Iterable[str], opened: Opened, budget: Budget, seen: Callable[[FileReport], None]
) -> list[FileReport]:
    """Return what was found of each file. ``opened`` gives a file's seekable stream, ``seen`` hears of each as it is done."""
    reports = []
    for name in names:
        reports.append(_scan(name, opened, budget))
        seen(reports[-1])
    finish_folder(reports, budget)
    return reports


def finish_folder(reports: list[FileReport], budget: Budget) -> None:
    """Judge what the files of one folder say of one another, into their reports."""
    settle(reports)
    for report in reports:
        if report.unsigned and any(fnmatchcase(report.name, pattern) for pattern in budget.allow_files):
            report.unsigned, report.problems, report.format = False, [], "allowed by the policy"
    for report in reports:
        for path, formats in report.expects.items():
            if problem := _expectation(path, formats, reports):
                report.refuse(problem)


def _scan(name: str, opened: Opened, budget: Budget) -> FileReport:
    try:
        with opened(name) as stream:
            return scan_file(name, stream, budget)
    except Unsafe as error:
        return FileReport(name=name, problems=[str(error)])


def _expectation(path: str, formats: frozenset[str], reports: list[FileReport]) -> str:
    """Return what is wrong with a file that is loaded, "" where nothing is."""
    exact = next((report for report in reports if report.name == path), None)
    if exact is None:
        inside = any(report.name.startswith((f"{path}/", f"{path}.")) for report in reports) or path == "."
        return "" if inside else f"it has {path[:200]!r} loaded, which is not in the folder"
    kind = exact.format.partition(" (")[0]
    if formats and exact.format and kind not in formats:
        return f"it has {path[:200]!r} loaded as a model, which is a file of {exact.format}"
    return ""
