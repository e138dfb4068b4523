"""Checks on the model's files, read from the store. No code of the model is ever run here."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from core.errors import NotFound
from tracking.artifacts import folder_digest, folder_files, open_artifact, verify_folder
from validation.base import CheckResult, EvidenceFile, ParamsCheck, Progress, Subject, tell
from validation.params import Param, texts
from validation.scanning.files import scan_file
from validation.scanning.report import Budget, Found

_MAX_LISTED = 100
_MAX_GLOBALS = 50


class _Progress:
    """From bytes read to a percentage of the whole."""

    def __init__(self, total: int, report: Progress) -> None:
        self.total, self.report, self.done = max(total, 1), report, 0

    def add(self, size: int) -> None:
        self.done += size
        self.report(min(99, self.done * 100 // self.total))

    def tick(self) -> None:
        self.add(0)


class DigestMatches(ParamsCheck):
    """The files are still those that were registered: every byte is read from the store again and compared."""

    code = "artifact.digest_matches"
    says = (
        "The files are those that were registered: every byte is read from the store again, and once more as the promotion "
        "happens."
    )
    queue = "slow"

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        return {"path": subject.artifact_path, "digest": subject.artifact_digest}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        evidence: dict[str, object] = {"path": subject.artifact_path, "digest": subject.artifact_digest}
        if not subject.artifact_path or not subject.artifact_digest:
            return CheckResult(passed=False, summary=_no_files(subject), evidence=evidence)
        files = folder_files(subject.artifact_path)
        reading = _Progress(sum(size for _, _, size in files), progress)
        changed = verify_folder(subject.artifact_path, progress=reading.add)
        evidence |= {"files": len(files), "changed": changed[:_MAX_LISTED], "now": folder_digest(subject.artifact_path)}
        if why := _why_not(changed, subject, str(evidence["now"])):
            return CheckResult(passed=False, summary=why, evidence=evidence)
        summary = f"{len(files)} file{'s' if len(files) != 1 else ''}, every byte as registered."
        return CheckResult(passed=True, summary=summary, evidence=evidence)

    def confirm(self, subject: Subject, params: Mapping[str, object]) -> str:
        """Look once more in the promoting transaction: that the bytes changed shows in no row."""
        changed = verify_folder(subject.artifact_path)
        return _why_not(changed, subject, folder_digest(subject.artifact_path))


class Scan(ParamsCheck):
    """Loading the model could run no code but that of allowed libraries (an allow-list of pickle globals)."""

    code = "artifact.scan"
    says = (
        "Loading the model could run no code but that of allowed libraries: an allow-list of pickle globals, and the headers "
        "of safetensors and ONNX files."
    )
    queue = "slow"
    params = (
        Param(
            "allow", "names", "Further globals, exactly (`mycompany.models.Scorer`), and domains of ONNX operators.", ()
        ),
        Param(
            "allow_code",
            "flag",
            "Let source files pass that lie in the folder; somebody must have read them.",
            default=False,
        ),
    )

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        return {"path": subject.artifact_path, "digest": subject.artifact_digest}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        files = folder_files(subject.artifact_path) if subject.artifact_path else []
        if not files:
            return CheckResult(passed=False, summary=_no_files(subject), evidence={"path": subject.artifact_path})
        reading = _Progress(sum(size for _, _, size in files), progress)
        budget = Budget(
            allow=frozenset(texts(params, "allow")),
            allow_code=bool(params["allow_code"]),
            tick=reading.tick,
        )
        found = []
        for name, _, size in files:
            found.append(_scan_one(subject.artifact_path, name, budget))
            tell(progress, f"{name}: {found[-1].verdict}")
            reading.add(size)
        return _scan_result(found)


def _scan_one(folder: str, name: str, budget: Budget) -> Found:
    try:
        _, stream = open_artifact(f"{folder}/{name}")
    except NotFound:
        return Found(name=name, problems=["its bytes are missing from the store"])
    with stream:
        return scan_file(name, stream, budget)


def _scan_result(found: list[Found]) -> CheckResult:
    report = (EvidenceFile("scan.json", _report(found), "application/json"),)
    rejected = [file for file in found if file.verdict == "rejected"]
    unknown = [file.name for file in found if file.verdict == "not recognised"]
    listed = sorted(found, key=lambda file: (file.verdict != "rejected", file.name))[:_MAX_LISTED]
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
        "count": len(found),
        "not_recognised": unknown[:_MAX_LISTED],
    }
    if rejected:
        first = rejected[0]
        more = f" (and {len(rejected) - 1} more)" if len(rejected) > 1 else ""
        summary = f"{first.name}: {first.problems[0]}{more}."
        return CheckResult(passed=False, summary=summary[:1000], evidence=evidence, files=report)
    summary = (
        f"{len(found)} file{'s' if len(found) != 1 else ''} examined; loading them runs no code but allowed libraries'."
    )
    if unknown:
        summary += f" Not recognised: {', '.join(unknown[:5])}{' …' if len(unknown) > 5 else ''}."  # noqa: PLR2004 - five are named
    return CheckResult(passed=True, summary=summary[:1000], evidence=evidence, files=report)


def _report(found: list[Found]) -> bytes:
    """Return all that was found, nothing left out; the row's evidence holds the beginning of it."""
    files = [
        {
            "name": file.name,
            "format": file.format,
            "verdict": file.verdict,
            "problems": file.problems,
            "imports": sorted(file.globals),
        }
        for file in sorted(found, key=lambda file: file.name)
    ]
    return orjson.dumps({"files": files}, option=orjson.OPT_INDENT_2)


def _why_not(changed: list[str], subject: Subject, now: str) -> str:
    if changed:
        names = f"{', '.join(changed[:10])}{' …' if len(changed) > 10 else ''}"  # noqa: PLR2004 - a readable line
        return f"Changed since registration, or missing: {names}."[:1000]
    if now != subject.artifact_digest:
        return f"The files' digest is {now or 'empty'}, registered was {subject.artifact_digest}."
    return ""


def _no_files(subject: Subject) -> str:
    if subject.artifact_path:
        return "The version's folder holds no files."
    return "The version's files are kept elsewhere, so nobody here can vouch for them."
