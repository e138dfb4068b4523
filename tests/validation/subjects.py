"""The facts of a version, made up for a test of a check."""

from __future__ import annotations

from typing import Any

from validation.base import CardFacts, Incumbent, RunFacts, Subject

TAGS = {"dataset_version": "v1", "git_commit": "abc", "triggered_by": "ci"}


def subject(metrics: dict[str, float] | None = None, theirs: dict[str, float] | None = None, **more: Any) -> Subject:
    """Return version 2 with these metrics against version 1 with those (None: nothing is in Production)."""
    run = RunFacts(run_id="r2", tags=more.pop("run_tags", TAGS), params=more.pop("params", {}), metrics=metrics or {})
    other = (
        None
        if theirs is None
        else Incumbent(1, 1, RunFacts(run_id="r1", tags={"dataset_version": "v1"}, metrics=theirs))
    )
    facts: dict[str, Any] = {
        "model_id": 1,
        "model_name": "fraud",
        "version_id": 2,
        "number": 2,
        "target": "Production",
        "archive_existing": False,
        "artifact_path": "0/r2/artifacts/model",
        "artifact_digest": "sha256:x",
        "authors": ("ada",),
        "tags": {},
        "run": run,
        "card": CardFacts(digest="c"),
        "incumbent": other,
    }
    return Subject(**(facts | more))
