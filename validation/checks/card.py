"""Checks of the model card."""

from __future__ import annotations

from collections.abc import Mapping

from registry.cards import BY_KEY, HUMAN_KEYS, Completeness, Template, completeness, find_template
from registry.cards.templates import BY_TIER, PLAIN, every_name
from validation.base import CheckResult, ParamsCheck, Progress, Subject
from validation.params import Param

_FULL = 100
_SHOWN = 12


class Complete(ParamsCheck):
    """Compares the model card with the fields that a template requires."""

    code = "card.complete"
    description = "Every field that the template requires is filled; a placeholder such as “TODO” does not count."
    params = (
        Param(
            "template",
            "choice",
            "The template, or a version of it. `by_tier`: the template of the model's risk tier.",
            default=PLAIN,
            choices=every_name(),
        ),
        Param(
            "min_score",
            "count",
            "The percentage of the fields that must be filled.",
            default=_FULL,
            least=1,
            most=_FULL,
        ),
    )

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        name, min_score = _name(params), int(str(params["min_score"]))
        state = "complete" if min_score == _FULL else f"filled to at least {min_score} %"
        if name == PLAIN:
            return f"Its model card must be {state}."
        by = "the template of the model's risk tier" if name == BY_TIER else f"the template {find_template(name).title}"
        return f"Its model card must be {state}, by {by}."

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the digest of the card and, for a template other than the plain one, the template and the tier."""
        if _name(params) == PLAIN:
            return {"card": subject.card.digest}
        return {"card": subject.card.digest, "template": _template(subject, params).label, "tier": subject.tier}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if enough fields of the template are filled."""
        completeness = _measured(subject, params)
        evidence = {
            "card": subject.card.digest,
            "template": completeness.template.label,
            "missing": list(completeness.missing),
            "score": completeness.score,
        } | ({"tier": completeness.tier} if completeness.tier else {})
        if not subject.card.digest:
            return CheckResult(passed=False, summary="The version has no model card.", evidence=evidence)
        passed = completeness.score >= int(str(params.get("min_score", _FULL)))
        return CheckResult(passed=passed, summary=_summary(completeness, passed=passed)[:1000], evidence=evidence)


def _name(params: Mapping[str, object]) -> str:
    return str(params.get("template", PLAIN))


def _template(subject: Subject, params: Mapping[str, object]) -> Template:
    return find_template(_name(params), tier=subject.tier)


def _measured(subject: Subject, params: Mapping[str, object]) -> Completeness:
    template = _template(subject, params)
    if template.code == PLAIN:
        return Completeness(template, "", len(HUMAN_KEYS), subject.card.missing)
    return completeness(subject.card.written, template, subject.tier)


def _summary(completeness: Completeness, *, passed: bool) -> str:
    is_plain = completeness.template.code == PLAIN
    if not completeness.missing:
        of = "" if is_plain else f" that {completeness.template.title} requires"
        return f"Every field of the model card{of} is filled."
    names = [BY_KEY[key].title.lower() for key in completeness.missing]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    listed = ", ".join(names[:_SHOWN]) + more
    if passed:
        return f"{completeness.score} % of the model card is filled; still empty: {listed}."
    template_text = (
        "" if is_plain else f" ({completeness.template.title}, {completeness.filled} of {completeness.total})"
    )
    return f"Still empty on the model card{template_text}: {listed}."
