"""Checks of the model's files, read from the store. They run no code of the model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import BinaryIO

import orjson
from django.conf import settings

from core.errors import NotFound
from core.text import english_list
from tracking.artifacts import folder_digest, folder_files, open_artifact, verify_folder
from tracking.verification import changes_since_verified
from validation.base import CheckResult, EvidenceFile, ParamsCheck, Progress, Subject, log_line
from validation.params import Param, texts
from validation.scanning.folder import scan_folder
from validation.scanning.report import Budget, FileReport, Unsafe

_MAX_LISTED = 100
_MAX_GLOBALS = 50


class _Progress:
    """Reports the bytes read so far as a percentage of all bytes."""

    def __init__(self, total: int, report: Progress) -> None:
        self.total, self.report, self.done = max(total, 1), report, 0

    def add(self, size: int) -> None:
        """Add ``size`` to the bytes read and report the percentage. Raises what the job's progress callback raises."""
        self.done += size
        self.report(min(99, self.done * 100 // self.total))

    def tick(self) -> None:
        """Report the percentage again, to renew the lease of the job."""
        self.add(0)


class DigestMatches(ParamsCheck):
    """Compares every byte in the store with the bytes that were registered."""

    code = "artifact.digest_matches"
    description = (
        "The files are those that were registered: every byte is read from the store and compared, and once more just "
        "before the promotion. Inside its transaction only the times and sizes of the objects are compared."
    )
    queue = "slow"

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        return "Its files must be, byte for byte, the files that were registered."

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the folder and its registered digest."""
        return {"path": subject.artifact_path, "digest": subject.artifact_digest}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if every byte in the store is as it was registered."""
        evidence: dict[str, object] = {"path": subject.artifact_path, "digest": subject.artifact_digest}
        if not subject.artifact_path or not subject.artifact_digest:
            return CheckResult(passed=False, summary=_no_files(subject), evidence=evidence)
        files = folder_files(subject.artifact_path)
        reading = _Progress(sum(size for _, _, size in files), progress)
        changed = verify_folder(subject.artifact_path, progress=reading.add)
        evidence |= {"files": len(files), "changed": changed[:_MAX_LISTED], "now": folder_digest(subject.artifact_path)}
        if why := _difference(changed, subject, str(evidence["now"])):
            return CheckResult(passed=False, summary=why, evidence=evidence)
        summary = f"{len(files)} file{'s' if len(files) != 1 else ''}, every byte as registered."
        return CheckResult(passed=True, summary=summary, evidence=evidence)

    def confirm(self, subject: Subject, params: Mapping[str, object]) -> str:
        """Return the changes of the files in the store, "" for none. The database does not show changed bytes.

        The gate calls this under a lock, so it reads no bytes: it compares the times and sizes of the stored objects
        with those of the last verification. Raises VerificationNeeded if there was none.
        """
        changed = changes_since_verified(subject.artifact_path)
        return _difference(changed, subject, folder_digest(subject.artifact_path))


class Scan(ParamsCheck):
    """Scans the files: each must be of a known format, and loading the model must run only allowed code."""

    code = "artifact.scan"
    description = (
        "Every file is of a known format, and loading the model can run no code but that of allowed libraries. Pickles may name "
        "only what is on an allow-list. Code, and files that are not recognised, are refused."
    )
    queue = "slow"
    params = (
        Param(
            "allow",
            "names",
            "Further names that files may use: globals of pickles (`mycompany.models.Scorer`), classes of Keras, domains of ONNX "
            "operators, loader modules.",
            (),
        ),
        Param(
            "allow_code",
            "flag",
            "Accept source files in the folder. Somebody must have read them.",
            default=False,
        ),
        Param(
            "allow_files",
            "names",
            "Files that are accepted though their format is not known, by path or pattern (`extra/*.dat`). Somebody must have "
            "looked at them. Code, pickles and archives are judged all the same.",
            (),
        ),
    )

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        text = "Its files must be of known formats, and loading them must run no code but that of allowed libraries."
        if names := texts(params, "allow"):
            text += f" Also allowed: {english_list(names)}."
        if names := texts(params, "allow_files"):
            text += f" Accepted in any format: {english_list(names)}."
        return f"{text} Source files in its folder are accepted." if params["allow_code"] else text

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the folder and its registered digest."""
        return {"path": subject.artifact_path, "digest": subject.artifact_digest}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if loading the files can only run code of allowed libraries."""
        files = folder_files(subject.artifact_path) if subject.artifact_path else []
        if not files:
            return CheckResult(passed=False, summary=_no_files(subject), evidence={"path": subject.artifact_path})
        sizes = {name: size for name, _, size in files}
        reading = _Progress(sum(sizes.values()), progress)
        budget = Budget(
            allow=frozenset(texts(params, "allow")),
            allow_code=bool(params["allow_code"]),
            allow_files=frozenset(texts(params, "allow_files")),
            tick=reading.tick,
            temp_bytes=settings.SCAN_TEMP_BYTES,
        )

        def on_report(report: FileReport) -> None:
            log_line(progress, f"{report.name}: {report.format or 'not recognised'}")
            reading.add(sizes[report.name])

        return _scan_result(scan_folder(sizes, partial(_opened, subject.artifact_path), budget, on_report))


def _opened(folder: str, name: str) -> BinaryIO:
    """Return a file of the folder, open for reading. Raises Unsafe if the store has lost its bytes."""
    try:
        return open_artifact(f"{folder}/{name}")[1]
    except NotFound as error:
        raise Unsafe("its bytes are missing from the store") from error


def _scan_result(reports: list[FileReport]) -> CheckResult:
    report = (EvidenceFile("scan.json", _report(reports), "application/json"),)
    rejected = [file for file in reports if file.verdict == "rejected"]
    unknown = [file.name for file in reports if file.unsigned]
    listed = sorted(reports, key=lambda file: (file.verdict != "rejected", file.name))[:_MAX_LISTED]
    evidence = {
        "files": [
            {
                "name": file.name,
                "format": file.format,
                "verdict": file.verdict,
                "problems": file.problems[:_MAX_LISTED],
                "imports": sorted(file.globals)[:_MAX_GLOBALS],
            }
            for file in listed
        ],
        "count": len(reports),
        "not_recognised": unknown[:_MAX_LISTED],
    }
    if rejected:
        first = rejected[0]
        more = f" (and {len(rejected) - 1} more)" if len(rejected) > 1 else ""
        summary = f"{first.name}: {first.problems[0]}{more}."
        return CheckResult(passed=False, summary=summary[:1000], evidence=evidence, files=report)
    summary = f"{len(reports)} file{'s' if len(reports) != 1 else ''} scanned; loading them runs only code of allowed libraries."
    return CheckResult(passed=True, summary=summary, evidence=evidence, files=report)


def _report(reports: list[FileReport]) -> bytes:
    """Return the full report as JSON. The evidence in the row of the job only has its beginning."""
    files = [
        {
            "name": file.name,
            "format": file.format,
            "verdict": file.verdict,
            "problems": file.problems,
            "imports": sorted(file.globals),
        }
        for file in sorted(reports, key=lambda file: file.name)
    ]
    return orjson.dumps({"files": files}, option=orjson.OPT_INDENT_2)


def _difference(changed: list[str], subject: Subject, now: str) -> str:
    """Return a sentence with the differences of the files from the registered ones, "" for none."""
    if changed:
        names = f"{', '.join(changed[:10])}{' …' if len(changed) > 10 else ''}"  # noqa: PLR2004 - a readable line
        return f"Changed since registration, or missing: {names}."[:1000]
    if now != subject.artifact_digest:
        return f"The digest of the files is {now or 'empty'}; the registered digest is {subject.artifact_digest}."
    return ""


def _no_files(subject: Subject) -> str:
    if subject.artifact_path:
        return "The folder of the version has no files."
    return "The files of the version are not in Custody's store, so they cannot be read."
