"""Two checks as somebody else would write them: one on ParamsCheck, one of nothing but the interface."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import InvalidInput
from validation.base import CheckResult, ParamsCheck, Progress, Subject
from validation.params import Param

CHECKS = ["tests.validation.plugin_checks.ShortName", "tests.validation.plugin_checks.Reviewed"]


class ShortName(ParamsCheck):
    """Compares the length of the model's name with a limit."""

    code = "naming.short"
    description = "The name of the model is short."
    params = (
        Param("most", "count", "The longest name, in characters.", 20, least=1, most=100),
        Param("ascii", "flag", "Whether only ASCII counts as short.", default=False),
    )

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        return {"name": subject.model_name}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        passed = len(subject.model_name) <= int(str(params["most"]))
        return CheckResult(passed=passed, summary=f"{len(subject.model_name)} characters.")


class Reviewed:
    """Requires a tag of the version."""

    code = "acme.reviewed"

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        if not isinstance(params.get("by"), str):
            raise InvalidInput("by must be the name of a team")
        return params

    def describe(self, params: Mapping[str, object]) -> str:
        return f"The team {params['by']} must have reviewed its code."

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        return {"tag": subject.tags.get("reviewed_by")}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        return CheckResult(passed=subject.tags.get("reviewed_by") == params["by"], summary="The tag decides.")
