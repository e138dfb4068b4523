"""Checks on the model card."""

from __future__ import annotations

from collections.abc import Mapping

from approvals.checks.base import CheckResult, Progress, Subject, refuse_unknown
from audit.errors import InvalidInput
from registry.cards import BY_KEY, HUMAN_KEYS, Completeness, Template, completeness, find_template

_PLAIN = "plain"
_FULL = 100
_SHOWN = 12


class Complete:
    """Every field that a template requires of the card says something.

    ``template`` names it: a code such as `eu_annex_iv` (its newest version), `eu_annex_iv@1`, or `by_tier` for the one that
    the model's risk tier asks for; a model nobody has assessed is held to the highest. ``min_score`` lets a card pass that
    fills at least so many per cent of them.
    """

    code = "card.complete"

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        refuse_unknown(params, frozenset({"template", "min_score"}))
        name = params.get("template", _PLAIN)
        if not isinstance(name, str):
            raise InvalidInput("template must be the name of a card template")
        find_template(name)
        least = params.get("min_score", _FULL)
        if not isinstance(least, int) or isinstance(least, bool) or not 1 <= least <= _FULL:
            raise InvalidInput("min_score must be a whole number from 1 to 100")
        return {"template": name, "min_score": least}

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        if _name(params) == _PLAIN:
            return {"card": subject.card.digest}
        return {"card": subject.card.digest, "tier": subject.card.tier, "template": _template(subject, params).label}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        found = _measured(subject, params)
        evidence = {
            "card": subject.card.digest,
            "template": found.template.label,
            "tier": subject.card.tier,
            "missing": list(found.missing),
            "score": found.score,
        }
        if not subject.card.digest:
            return CheckResult(passed=False, summary="The version has no model card.", evidence=evidence)
        passed = found.score >= int(str(params.get("min_score", _FULL)))
        return CheckResult(passed=passed, summary=_summary(found, passed=passed)[:1000], evidence=evidence)


def _name(params: Mapping[str, object]) -> str:
    return str(params.get("template", _PLAIN))


def _template(subject: Subject, params: Mapping[str, object]) -> Template:
    return find_template(_name(params), tier=subject.card.tier)


def _measured(subject: Subject, params: Mapping[str, object]) -> Completeness:
    template = _template(subject, params)
    if template.code == _PLAIN:
        return Completeness(template, subject.card.tier, len(HUMAN_KEYS), subject.card.missing)
    return completeness(subject.card.written, template, subject.card.tier)


def _summary(found: Completeness, *, passed: bool) -> str:
    plain = found.template.code == _PLAIN
    if not found.missing:
        of = "" if plain else f" that {found.template.title} requires"
        return f"Every field of the model card{of} is filled."
    names = [BY_KEY[key].title.lower() for key in found.missing]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    listed = ", ".join(names[:_SHOWN]) + more
    if passed:
        return f"{found.score} % of the model card is filled; still empty: {listed}."
    asked = "" if plain else f" ({found.template.title}, {found.filled} of {found.total})"
    return f"Still empty on the model card{asked}: {listed}."
