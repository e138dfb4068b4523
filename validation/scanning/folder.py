"""Scan of a model's folder: each file by itself, then the references between files.

A file of an unknown format passes if another file names it as its data, as an ONNX graph names its weights and an index
names its shards. A file that MLmodel loads must exist, in a format that the loader of the flavor reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import BinaryIO

from validation.scanning.files import scan_file
from validation.scanning.report import Budget, FileReport, Unsafe, settle
from validation.scanning.signatures import name_on_disk

OpenFile = Callable[[str], BinaryIO]


def scan_folder(
    names: Iterable[str], open_file: OpenFile, budget: Budget, report_file: Callable[[FileReport], None]
) -> list[FileReport]:
    """Return the report of each file.

    ``open_file`` returns the seekable stream of a file, or raises Unsafe; ``report_file`` is called after each file.
    """
    reports = []
    for name in names:
        reports.append(_scan(name, open_file, budget))
        report_file(reports[-1])
    finish_folder(reports, budget)
    return reports


def finish_folder(reports: list[FileReport], budget: Budget) -> None:
    """Check the references between the files of one folder and write problems into their reports."""
    settle(reports)
    _refuse_equal_names(reports)
    for report in reports:
        if report.unsigned and any(fnmatchcase(report.name, pattern) for pattern in budget.allow_files):
            report.unsigned, report.problems, report.format = False, [], "allowed by the policy"
    for report in reports:
        for path, formats in report.expects.items():
            if problem := _problem_of_reference(path, formats, reports):
                report.refuse(problem)


def _refuse_equal_names(reports: list[FileReport]) -> None:
    """Refuse names that differ only in case or accents, because on some disks one file would overwrite the other."""
    by_name: dict[str, FileReport] = {}
    for report in reports:
        other = by_name.setdefault(name_on_disk(report.name), report)
        if other is not report:
            report.refuse(f"its name is equal to {other.name[:200]!r} on a disk that ignores case or accents")


def _scan(name: str, open_file: OpenFile, budget: Budget) -> FileReport:
    try:
        with open_file(name) as stream:
            return scan_file(name, stream, budget)
    except Unsafe as error:
        return FileReport(name=name, problems=[str(error)])


def _problem_of_reference(path: str, formats: frozenset[str], reports: list[FileReport]) -> str:
    """Return the problem of a path that a file loads: it does not exist, or has another format; "" for none."""
    file = next((report for report in reports if report.name == path), None)
    if file is None:
        is_prefix = any(report.name.startswith((f"{path}/", f"{path}.")) for report in reports) or path == "."
        return "" if is_prefix else f"it loads {path[:200]!r}, which is not in the folder"
    kind = file.format.partition(" (")[0]
    if formats and file.format and kind not in formats:
        return f"it loads {path[:200]!r} as a model, but that file is in the format {file.format}"
    return ""
