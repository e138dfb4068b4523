"""Evidence files of checks in a conformity pack."""

from __future__ import annotations

import re
from collections.abc import Sequence

from approvals.packs.approval_records import CheckRecord
from tracking.store import current_store

# Larger files are not in the pack, only their digests in checks.json.
MAX_BYTES = 4 * 1024**2


def evidence_files(checks: Sequence[CheckRecord]) -> dict[str, bytes]:
    """Return the evidence files of checks, by path in the pack. Files over MAX_BYTES and lost files are left out."""
    files: dict[str, bytes] = {}
    for check in checks:
        for number, file in enumerate(check.files):
            if file["bytes"] > MAX_BYTES:
                continue
            safe = re.sub(r"[^A-Za-z0-9._-]+", "-", file["name"]).lstrip(".")[:80]
            try:
                with current_store().open(file["sha256"]) as stored:
                    files[f"approval/evidence/{check.id}/{number}-{safe}"] = stored.read()
            except FileNotFoundError:
                continue
    return files
