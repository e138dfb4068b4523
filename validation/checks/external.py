"""A check that somebody else runs: CI posts its result, signed and bound to what was looked at."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import InvalidState
from validation.base import CheckResult, ParamsCheck, Progress, Subject
from validation.params import Param


class External(ParamsCheck):
    """A result that was posted, signed by one of the keys the policy names, for exactly these files.

    No worker runs it: a job of it waits until a result comes (approvals/check_runs/external_results.py).
    """

    code = "external"
    says = "Somebody outside posted that it passes: signed with a key the policy names, for exactly these files."
    posted = True
    params = (
        Param("name", "text", "What is looked at, as people call it.", required=True),
        Param("keys", "names", "Names of the registered keys that may sign it.", required=True),
    )

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        return {"version": subject.version_id, "artifact": [subject.artifact_path, subject.artifact_digest]}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        raise InvalidState("An external check is not run here; its result is posted.")
