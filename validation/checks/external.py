"""The check that an external system runs, such as CI. It posts a signed result for the files that it checked."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import InvalidState
from core.text import english_list
from validation.base import CheckResult, ParamsCheck, Progress, Subject
from validation.params import Param, texts


class External(ParamsCheck):
    """A posted result for exactly these files, signed by one of the keys that the policy names.

    No worker runs it: its job waits until a result is posted (approvals/check_runs/external_results.py).
    """

    code = "external"
    description = "An outside system posted a pass for exactly these files, signed with a key that the policy names."
    posted = True
    params = (
        Param("name", "text", "What is checked, in words.", required=True),
        Param("keys", "names", "The names of the registered check keys that may sign the result.", required=True),
    )

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        keys = english_list(texts(params, "keys"), "or")
        return f"“{params['name']}” must have been posted as passed, signed with the key {keys}."

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the version and the digest of its files. A posted result is valid only for them."""
        return {"version": subject.version_id, "artifact": [subject.artifact_path, subject.artifact_digest]}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Raise InvalidState, because an external system posts the result and no worker runs this check."""
        raise InvalidState("No worker runs an external check. Post its result.")
