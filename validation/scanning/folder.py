"""Scan of a model's folder: each file by itself, then the references between files.

A file that has no mark of a format passes as the data of another that names it (an ONNX graph its weights, an index its
shards). A file that MLmodel has loaded must be there, and be of a format that this loader takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import BinaryIO

from validation.scanning.files import scan_file
from validation.scanning.report import Budget, FileReport, Unsafe, settle
from validation.scanning.signatures import name_on_disk

Opened = Callable[[str], BinaryIO]


def scan_folder(
    names: Iterable[str], opened: Opened, budget: Budget, seen: Callable[[FileReport], None]
) -> list[FileReport]:
    """Return the report of each file.

    ``opened`` returns the seekable stream of a file; ``seen`` is called after each file.
    """
    reports = []
    for name in names:
        reports.append(_scan(name, opened, budget))
        seen(reports[-1])
    finish_folder(reports, budget)
    return reports


def finish_folder(reports: list[FileReport], budget: Budget) -> None:
    """Check the references between the files of one folder and write problems into their reports."""
    settle(reports)
    _refuse_doubles(reports)
    for report in reports:
        if report.unsigned and any(fnmatchcase(report.name, pattern) for pattern in budget.allow_files):
            report.unsigned, report.problems, report.format = False, [], "allowed by the policy"
    for report in reports:
        for path, formats in report.expects.items():
            if problem := _expectation(path, formats, reports):
                report.refuse(problem)


def _refuse_doubles(reports: list[FileReport]) -> None:
    """Refuse names that are one on some disks: where the folder is downloaded, one file would take another's place."""
    first: dict[str, FileReport] = {}
    for report in reports:
        other = first.setdefault(name_on_disk(report.name), report)
        if other is not report:
            report.refuse(
                f"on a disk that does not tell case or accents apart it takes the place of {other.name[:200]!r}"
            )


def _scan(name: str, opened: Opened, budget: Budget) -> FileReport:
    try:
        with opened(name) as stream:
            return scan_file(name, stream, budget)
    except Unsafe as error:
        return FileReport(name=name, problems=[str(error)])


def _expectation(path: str, formats: frozenset[str], reports: list[FileReport]) -> str:
    """Return the problem of a file that another file loads, "" for none."""
    exact = next((report for report in reports if report.name == path), None)
    if exact is None:
        inside = any(report.name.startswith((f"{path}/", f"{path}.")) for report in reports) or path == "."
        return "" if inside else f"it has {path[:200]!r} loaded, which is not in the folder"
    kind = exact.format.partition(" (")[0]
    if formats and exact.format and kind not in formats:
        return f"it has {path[:200]!r} loaded as a model, which is a file of {exact.format}"
    return ""
