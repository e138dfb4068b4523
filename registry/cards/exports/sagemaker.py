"""A card as the content of an Amazon SageMaker model card.

Schema: https://docs.aws.amazon.com/sagemaker/latest/dg/model-cards.html#model-cards-json-schema and, with the same
names and limits, `sagemaker.model_card` of the SDK. Longer texts are cut; ``custom_details`` names the whole card by
its revision and digest.
"""

from __future__ import annotations

from typing import Any

from registry.cards.document import CardSource
from registry.cards.exports.shapes import field_text, finite_number, pruned, short

_LINE, _TEXT, _NAME, _GROUP, _PARAMETER = 1024, 2048, 255, 63, 255
_MAX_DATASETS, _MAX_METRICS, _MAX_PARAMETERS, _MAX_EVALUATED_ON = 15, 50, 100, 10
# SageMaker's name for each of our risk ratings.
RISK = {"low": "Low", "medium": "Medium", "high": "High", "unknown": "Unknown", "": "Unknown"}
# The rating to use for each risk tier where the card has no rating.
_RATING_OF_TIER = {"minimal": "low", "limited": "medium", "high": "high", "unacceptable": "high", "": ""}
# Fields that the schema has no key for.
_CUSTOM = (
    "deployer_instructions",
    "users",
    "failure_modes",
    "human_oversight",
    "monitoring_plan",
    "predetermined_changes",
    "lifecycle_changes",
    "risk_management",
    "environmental",
    "fairness",
    "training_data",
    "evaluation_groups",
    "regulatory",
)


def to_sagemaker(card: CardSource) -> dict[str, Any]:
    """Return the content of a SageMaker model card."""
    content: dict[str, Any] = pruned(
        {
            "model_overview": _overview(card),
            "intended_uses": _uses(card),
            "business_details": {
                "business_problem": short(card.text("business_problem"), _TEXT),
                "business_stakeholders": short("; ".join(card.items("stakeholders")), _TEXT),
                "line_of_business": short(card.text("business_line"), _TEXT),
            },
            "training_details": _training(card),
            "evaluation_details": _evaluations(card),
            "additional_information": _additional(card),
        }
    )
    return content


def _overview(card: CardSource) -> dict[str, Any]:
    return {
        "model_id": f"models:/{card.model}/{card.version}",
        "model_name": short(card.model, _LINE),
        "model_description": short(card.text("overview") or card.description, _LINE),
        "model_version": card.version,
        "problem_type": short(card.text("task"), _LINE),
        "algorithm_type": short(card.text("architecture_family") or card.text("architecture"), _LINE),
        "model_creator": short(card.created_by, _LINE),
        "model_owner": short(", ".join(card.items("owners")) or card.text("business_owner"), _LINE),
        "model_artifact": [short(card.source, _LINE)],
    }


def _uses(card: CardSource) -> dict[str, Any]:
    uses = [card.text("intended_use")]
    if card.text("out_of_scope"):
        uses.append(f"Not for: {card.text('out_of_scope')}")
    return {
        "purpose_of_model": short(card.text("business_problem") or card.text("intended_use"), _TEXT),
        "intended_uses": short("\n\n".join(part for part in uses if part), _TEXT),
        "factors_affecting_model_efficiency": short(card.text("limitations"), _TEXT),
        "risk_rating": RISK[card.text("risk_rating") or _RATING_OF_TIER.get(card.tier, "")],
        "explanations_for_risk_rating": short(card.text("risk_rationale"), _TEXT),
    }


def _training(card: CardSource) -> dict[str, Any]:
    parameters = [(name, str(value)) for name, value in card.facts("parameters").items()]
    values = {name: finite_number(value) for name, value in card.facts("metrics").items()}
    return {
        "training_observations": short(card.text("training_procedure"), _LINE),
        "training_job_details": {
            "training_arn": f"run:{card.run_id}" if card.run_id else "",
            "training_datasets": [short(_dataset(row), _LINE) for row in card.rows("data")][:_MAX_DATASETS],
            "user_provided_training_metrics": [
                {"name": short(name, _NAME), "value": value} for name, value in values.items() if value is not None
            ][:_MAX_METRICS],
            "user_provided_hyper_parameters": [
                {"name": short(name, _NAME), "value": short(value, _PARAMETER)} for name, value in parameters
            ][:_MAX_PARAMETERS],
        },
    }


def _evaluations(card: CardSource) -> list[dict[str, Any]]:
    rows = [*card.rows("evaluation"), *card.rows("slices")]
    measured = [metric for metric in (_metric(row) for row in rows) if metric is not None]
    if not measured:
        return []
    names = dict.fromkeys(short(_evaluated_on(row), _LINE) for row in rows if _evaluated_on(row))
    return [
        {
            "name": short(f"{card.model} v{card.version}", _GROUP),
            "evaluation_observation": short(card.text("evaluation_procedure"), _TEXT),
            "datasets": list(names)[:_MAX_EVALUATED_ON],
            "metric_groups": [{"name": "measured", "metric_data": measured}],
        }
    ]


def _metric(row: dict[str, str]) -> dict[str, Any] | None:
    value = finite_number(row.get("value", ""))
    if value is None:
        return None
    notes = [f"{key}: {row[key]}" for key in ("slice", "ci", "threshold", "dataset") if row.get(key)]
    name = short(row.get("metric", "metric"), _NAME)
    return {"name": name, "type": "number", "value": value, "notes": short(", ".join(notes), _LINE)}


def _additional(card: CardSource) -> dict[str, Any]:
    custom = {key: short(field_text(card, key), _LINE) for key in _CUSTOM}
    custom |= {
        "custody_card": f"revision {card.number}, sha256:{card.digest}",
        "artifact_digest": card.artifact_digest,
        "risk_tier": card.tier,
    }
    caveats = [card.text(key) for key in ("failure_modes", "tradeoffs") if card.text(key)]
    return {
        "ethical_considerations": short(field_text(card, "ethical_considerations"), _TEXT),
        "caveats_and_recommendations": short("\n\n".join(caveats), _TEXT),
        "custom_details": custom,
    }


def _dataset(row: dict[str, str]) -> str:
    return "@".join(row[key] for key in ("name", "digest") if row.get(key))


def _evaluated_on(row: dict[str, str]) -> str:
    return "@".join(row[key] for key in ("dataset", "dataset_digest") if row.get(key))
