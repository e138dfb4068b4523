"""The files of evidence that a conformity pack holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from approvals.packs.approval_records import CheckRecord
from tracking.store import current_store

# Larger files stay in the store; checks.json has their digests.
MOST_BYTES = 4 * 1024**2


def evidence_files(checks: Sequence[CheckRecord]) -> dict[str, bytes]:
    """Return the evidence files of checks by their path in the pack, those of at most MOST_BYTES that the store has."""
    files: dict[str, bytes] = {}
    for check in checks:
        for number, file in enumerate(check.files):
            if file["bytes"] > MOST_BYTES:
                continue
            safe = re.sub(r"[^A-Za-z0-9._-]+", "-", file["name"]).lstrip(".")[:80]
            try:
                with current_store().open(file["sha256"]) as stored:
                    files[f"approval/evidence/{check.id}/{number}-{safe}"] = stored.read()
            except FileNotFoundError:
                continue
    return files
