"""Checks on the model card."""

from __future__ import annotations

from collections.abc import Mapping

from approvals.checks.base import CheckResult, Progress, Subject, refuse_unknown


class Complete:
    """Every field of the card that a person must write is written."""

    code = "card.complete"

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        refuse_unknown(params, frozenset())
        return {}

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        return {"card": subject.card.digest}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        evidence = {"card": subject.card.digest, "missing": list(subject.card.missing)}
        if not subject.card.digest:
            return CheckResult(passed=False, summary="The version has no model card.", evidence=evidence)
        if subject.card.missing:
            fields = ", ".join(name.replace("_", " ") for name in subject.card.missing)
            return CheckResult(
                passed=False, summary=f"Still empty on the model card: {fields}."[:1000], evidence=evidence
            )
        return CheckResult(passed=True, summary="Every field of the model card is filled.", evidence=evidence)
