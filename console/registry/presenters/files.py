"""The files of a model version with their digests, and the result of the file scan for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from approvals.models import CheckRun, CheckState
from registry.models import ModelVersion
from tracking.artifacts import sealed_files

MAX_SHOWN = 200
_SCAN = "artifact.scan"
_VERDICTS = {CheckState.PASSED.value: "passed", CheckState.FAILED.value: "rejected"}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file: its size in bytes and SHA-256. ``verdict`` is `passed`, `rejected` or "" (not scanned)."""

    name: str
    size: int
    sha256: str
    verdict: str
    problem: str


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of a version, rejected ones first.

    ``listed`` are at most MAX_SHOWN of them. ``count`` and ``size`` (in bytes) are of all files. ``scan`` is the newest
    finished scan, None where there is none.
    """

    listed: tuple[ModelFile, ...]
    count: int
    size: int
    scan: CheckRun | None

    @property
    def left_out(self) -> int:
        """Return how many files are not shown."""
        return self.count - len(self.listed)

    @property
    def rejected(self) -> int:
        """Return how many of the files shown were rejected."""
        return sum(file.verdict == "rejected" for file in self.listed)


def files_of(version: ModelVersion, *, at: datetime | None = None) -> ModelFiles:
    """Return the sealed files of a version with the newest scan that had finished ``at`` a moment, by default now.

    Makes two queries.
    """
    files = sealed_files(version.artifact_path)
    scans = CheckRun.objects.filter(request__version=version, check_code=_SCAN, state__in=_VERDICTS)
    scan = (scans.filter(finished_at__lte=at) if at else scans).order_by("-finished_at", "-pk").first()
    problems = _problems(scan)
    # The evidence lists rejected files first, so a file that it leaves out passed.
    default_result = "passed" if scan is not None else ""
    rows = [
        ModelFile(name, size, sha256, "rejected" if name in problems else default_result, problems.get(name, ""))
        for name, sha256, size in files
    ]
    rows.sort(key=lambda file: (file.verdict != "rejected", file.name))
    return ModelFiles(tuple(rows[:MAX_SHOWN]), len(rows), sum(file.size for file in rows), scan)


def _problems(scan: CheckRun | None) -> dict[str, str]:
    """Return the first problem of each rejected file."""
    evidence = scan.evidence if scan is not None and isinstance(scan.evidence, dict) else {}
    files = evidence.get("files")
    return {
        str(file["name"]): str((file.get("problems") or [""])[0])
        for file in (files if isinstance(files, list) else [])
        if isinstance(file, dict) and file.get("verdict") == "rejected" and "name" in file
    }
