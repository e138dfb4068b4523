"""Card templates: the required fields of a card by framework and risk tier, as versioned data.

A requirement names a field, the clause of the framework that requires it, and the lowest risk tier for which it is
required. The requirements of a published version never change. A new version is added after it; its ``changes`` says
what is different, and what that means for existing cards. Cards need no conversion: a field that only the new version
requires is missing on an existing card (`explain_migration`).
"""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import InvalidInput
from registry.cards.fields import HUMAN_KEYS
from registry.questionnaire import HIGH, LIMITED, MINIMAL, TIERS, UNACCEPTABLE

BY_TIER = "by_tier"
PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A field that is required for models of ``tier`` and above. ``ref`` is the clause of the framework."""

    key: str
    ref: str
    tier: str = MINIMAL


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a set of required fields."""

    code: str
    version: int
    title: str
    source: str
    changes: str
    requirements: tuple[Requirement, ...]

    @property
    def label(self) -> str:
        """Return the name of exactly this version, such as ``mrm@2``."""
        return f"{self.code}@{self.version}"


@dataclass(frozen=True, slots=True)
class Migration:
    """The changes between two versions of a template: ``asked_now`` are the added fields by key."""

    before: str
    after: str
    explanation: str
    asked_now: tuple[str, ...]
    no_longer_asked: tuple[str, ...]


def _all(ref: str, *keys: str, tier: str = MINIMAL) -> tuple[Requirement, ...]:
    return tuple(Requirement(key, ref, tier) for key in keys)


_PLAIN = _all("Mitchell et al. 2019, Model Cards for Model Reporting", *HUMAN_KEYS)
_LIMITED = (
    *_PLAIN,
    *_all("AI Act, Article 50", "users", "deployer_instructions"),
    *_all("AI Act, Article 26(2)", "human_oversight"),
)
_ANNEX_IV = (
    *_all("Annex IV, 1(a)", "intended_use", "overview", "owners", "lifecycle_changes"),
    *_all("Annex IV, 1(b) and (c)", "interactions", "framework"),
    *_all("Annex IV, 1(e)", "hardware"),
    *_all("Annex IV, 1(g) and (h)", "deployer_instructions", "users"),
    *_all("Annex IV, 2(a) and (b)", "design_choices", "training_procedure"),
    *_all("Annex IV, 2(c)", "architecture", "environment"),
    *_all("Annex IV, 2(d)", "training_data", "data"),
    *_all("Annex IV, 2(e) and 3", "human_oversight"),
    *_all("Annex IV, 2(f)", "predetermined_changes"),
    *_all("Annex IV, 2(g)", "evaluation_procedure", "evaluation", "evaluation_groups", "test_reports"),
    *_all("Annex IV, 2(h)", "cybersecurity"),
    *_all("Annex IV, 3", "limitations", "failure_modes", "out_of_scope", "misuse"),
    *_all("Annex IV, 4", "tradeoffs"),
    *_all("Annex IV, 5", "risk_management"),
    *_all("Annex IV, 7", "standards"),
    *_all("Annex IV, 8", "conformity", tier=HIGH),
    *_all("Annex IV, 9", "monitoring_plan"),
)
_MRM_1 = (
    *_all("SR 11-7, section IV", "intended_use", "business_owner", "business_problem", "owners"),
    *_all("SR 11-7, section IV", "design_choices", "training_data", "data", "limitations"),
    *_all("SR 11-7, section V", "independent_validation", "evaluation_procedure", "evaluation"),
    *_all("SR 11-7, section V", "monitoring_plan", "failure_modes"),
    *_all("SR 11-7, section VI", "lifecycle_changes"),
)
_MRM_2 = (
    *_all("SR 26-2, inventory", "intended_use", "business_owner", "business_problem", "owners", "users"),
    *_all("SR 26-2, tiering by materiality", "risk_rating", "risk_rationale", "restrictions"),
    *_all("SR 26-2, development", "training_data", "data", "limitations", "failure_modes"),
    *_all("SR 26-2, development", "design_choices", "evaluation_procedure", "evaluation", tier=LIMITED),
    *_all("SR 26-2, validation and challenge", "independent_validation", tier=LIMITED),
    *_all("SR 26-2, monitoring", "monitoring_plan", tier=LIMITED),
    *_all("SR 26-2, change management", "lifecycle_changes", "predetermined_changes", tier=HIGH),
)
_PART_11 = (
    *_all("21 CFR 11.10(a)", "independent_validation", "evaluation_procedure", "evaluation", "test_reports"),
    *_all("21 CFR 11.10(b) and (c)", "record_keeping"),
    *_all("21 CFR 11.10(e)", "lifecycle_changes"),
    *_all("21 CFR 11.10(i) and (j)", "owners", "business_owner", "human_oversight"),
    *_all("21 CFR 11.10(k)", "deployer_instructions", "artifact", "code"),
    *_all(
        "GxP: fitness for intended use", "intended_use", "out_of_scope", "limitations", "failure_modes", "training_data"
    ),
)

TEMPLATES: tuple[Template, ...] = (
    Template(PLAIN, 1, "Plain", "Mitchell et al. 2019", "The first version.", _PLAIN),
    Template(
        "transparency", 1, "EU AI Act, limited risk", "AI Act, Articles 26 and 50", "The first version.", _LIMITED
    ),
    Template("eu_annex_iv", 1, "EU AI Act, Annex IV", "Regulation (EU) 2024/1689", "The first version.", _ANNEX_IV),
    Template("mrm", 1, "MRM (SR 11-7)", "Federal Reserve SR 11-7", "The first version.", _MRM_1),
    Template(
        "mrm",
        2,
        "MRM (SR 26-2, formerly SR 11-7)",
        "Federal Reserve SR 26-2, OCC 2026-13",
        "SR 26-2 replaces SR 11-7. Its requirements depend on materiality: every model needs a rating, its rationale and "
        "the restrictions on use. Models of limited risk also need validation and monitoring, models of high risk also "
        "change management. Fields that were filled for SR 11-7 still count. The rating, its rationale, the restrictions "
        "and the users are new.",
        _MRM_2,
    ),
    Template("part_11", 1, "21 CFR Part 11 / GxP", "21 CFR Part 11", "The first version.", _PART_11),
)
# The template of each risk tier. A model that nobody has assessed is treated as one of the highest tier.
TEMPLATE_OF_TIER = {MINIMAL: PLAIN, LIMITED: "transparency", HIGH: "eu_annex_iv", UNACCEPTABLE: "eu_annex_iv"}


def find_template(name: str, *, tier: str = "") -> Template:
    """Return a template by its code (the newest version), by `code@version`, or the one for a tier by `by_tier`.

    Raises InvalidInput, with the codes of all templates, for an unknown code.
    """
    code, _, version = name.partition("@")
    if name == BY_TIER:
        code = TEMPLATE_OF_TIER.get(tier, TEMPLATE_OF_TIER[UNACCEPTABLE])
    versions = [template for template in TEMPLATES if template.code == code]
    if version:
        versions = [template for template in versions if str(template.version) == version]
    if not versions:
        raise InvalidInput(f"There is no card template {name[:50]!r}. Choose one of {', '.join(template_names())}.")
    return versions[-1]


def newest_templates() -> list[Template]:
    """Return the newest version of each template, in order."""
    return list({template.code: template for template in TEMPLATES}.values())


def template_names() -> list[str]:
    """Return every name that `find_template` accepts without a version."""
    return [*(template.code for template in newest_templates()), BY_TIER]


def every_name() -> tuple[str, ...]:
    """Return every name that `find_template` accepts, also those with a version."""
    return (*template_names(), *(template.label for template in TEMPLATES))


def requirements_for(template: Template, tier: str = "") -> list[Requirement]:
    """Return the requirements of a template for a model of this tier, all of them for "" (not assessed)."""
    highest = TIERS.index(tier) if tier in TIERS else len(TIERS)
    return [requirement for requirement in template.requirements if TIERS.index(requirement.tier) <= highest]


def required_keys(template: Template, tier: str = "") -> tuple[str, ...]:
    """Return the keys of the required fields."""
    return tuple(requirement.key for requirement in requirements_for(template, tier))


def version_before(template: Template) -> Template | None:
    """Return the version before this version of a template, None for the first."""
    return next(
        (each for each in TEMPLATES if each.code == template.code and each.version == template.version - 1), None
    )


def explain_migration(before: Template, after: Template, tier: str = "") -> Migration:
    """Return the changes of the required fields from ``before`` to ``after`` for a model of this tier."""
    old, new = required_keys(before, tier), required_keys(after, tier)
    return Migration(
        before=before.label,
        after=after.label,
        explanation=after.changes,
        asked_now=tuple(key for key in new if key not in old),
        no_longer_asked=tuple(key for key in old if key not in new),
    )
