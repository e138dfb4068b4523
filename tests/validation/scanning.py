"""What tests of the scan share: files and folders given as bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from validation.scanning.files import scan_file
from validation.scanning.folder import scan_folder
from validation.scanning.report import Budget, FileReport

SYSTEM = b"cos\nsystem\n(S'true'\ntR."


def scan(name: str, data: bytes, **budget: object) -> FileReport:
    """Return what one file comes to."""
    return scan_file(name, io.BytesIO(data), Budget(**budget))  # type: ignore[arg-type]  # as the test says


def scan_files(files: Mapping[str, bytes], **budget: object) -> dict[str, FileReport]:
    """Return what each file of a folder comes to, by name."""
    reports = scan_folder(
        files,
        lambda name: io.BytesIO(files[name]),
        Budget(**budget),  # type: ignore[arg-type]  # as the test says
        lambda _: None,
    )
    return {report.name: report for report in reports}


def problems(files: Mapping[str, bytes], **budget: object) -> dict[str, list[str]]:
    """Return what speaks against the files of a folder: {} where nothing does."""
    return {name: report.problems for name, report in scan_files(files, **budget).items() if report.problems}


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip file of these members."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()
