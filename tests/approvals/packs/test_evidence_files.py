"""Evidence files in a conformity pack: what it lacks is named in it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest

from approvals.packs.approval_records import CheckRecord
from approvals.packs.evidence_files import LEFT_OUT, MAX_BYTES, evidence_files
from tracking.store import current_store

pytestmark = pytest.mark.usefixtures("_own_store")


def check_with(*files: Mapping[str, Any]) -> CheckRecord:
    texts = {"rule": "r", "check": "c", "state": "passed", "summary": "", "inputs_digest": "", "author": ""}
    return CheckRecord(id=7, params={}, evidence={}, evidence_digest="", finished_at="", files=files, **texts)


def test_files_that_are_there_are_in_the_pack() -> None:
    blob = current_store().put(io.BytesIO(b"chart"), limit=100)
    files = evidence_files([check_with({"name": "a chart.png", "sha256": blob.sha256, "bytes": blob.size})])
    assert files == {"approval/evidence/7/0-a-chart.png": b"chart"}


def test_lost_and_large_files_are_named() -> None:
    lost = {"name": "lost\n.csv", "sha256": "0" * 64, "bytes": 3}
    large = {"name": "large.csv", "sha256": "1" * 64, "bytes": MAX_BYTES + 1}
    files = evidence_files([check_with(lost, large)])
    lines = files.pop(LEFT_OUT).decode().splitlines()
    assert files == {}
    assert lines == [
        f"check 7: lost .csv (SHA-256 {'0' * 64}, 3 bytes): its bytes were not in the artifact store when the pack was made",
        f"check 7: large.csv (SHA-256 {'1' * 64}, {MAX_BYTES + 1} bytes): it is larger than {MAX_BYTES} bytes",
    ]
