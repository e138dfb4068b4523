"""Evidence files of checks in a conformity pack."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from approvals.packs.approval_records import CheckRecord
from tracking.store import current_store

# Larger files are not in the pack, only their digests in checks.json.
MAX_BYTES = 4 * 1024**2
LEFT_OUT = "approval/evidence/left-out.txt"


def evidence_files(checks: Sequence[CheckRecord]) -> dict[str, bytes]:
    """Return the evidence files of checks, by path in the pack.

    Files over MAX_BYTES and files whose bytes the store has lost are left out; one more file then names them.
    """
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    for check in checks:
        for number, file in enumerate(check.files):
            if file["bytes"] > MAX_BYTES:
                left_out.append(_line(check, file, f"it is larger than {MAX_BYTES} bytes"))
                continue
            safe = re.sub(r"[^A-Za-z0-9._-]+", "-", file["name"]).lstrip(".")[:80]
            try:
                with current_store().open(file["sha256"]) as stored:
                    files[f"approval/evidence/{check.id}/{number}-{safe}"] = stored.read()
            except FileNotFoundError:
                left_out.append(_line(check, file, "its bytes were not in the artifact store when the pack was made"))
    return {**files, LEFT_OUT: "".join(left_out).encode()} if left_out else files


def _line(check: CheckRecord, file: Mapping[str, Any], reason: str) -> str:
    name = " ".join(str(file["name"]).split())
    return f"check {check.id}: {name} (SHA-256 {file['sha256']}, {file['bytes']} bytes): {reason}\n"
