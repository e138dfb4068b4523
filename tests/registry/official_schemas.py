"""The schemas that exports are held against where no library brings them, restated from their sources.

MCT_0_0_2 restates model_card_toolkit/schema/v0.0.2/model_card.schema.json of model-card-toolkit 2.0.0 (Apache-2.0),
without descriptions. The original leaves objects open; here each is closed, so that a misspelt name fails.

SAGEMAKER restates the model card JSON schema of the Amazon SageMaker developer guide ("Model card JSON schema") with
the names and list sizes of `sagemaker.model_card` 2.257 (model_card.py, schema_constraints.py; Apache-2.0).
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}


def closed(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    """Return an object with these properties alone."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def many(items: Schema, most: int | None = None) -> Schema:
    return {"type": "array", "items": items} | ({} if most is None else {"maxItems": most})


def text(most: int, least: int = 0) -> Schema:
    return {"type": "string", "minLength": least, "maxLength": most}


_KEYVAL = closed(key=TEXT, value=TEXT)
_DESCRIBED = closed(description=TEXT)
_GRAPHICS = closed(description=TEXT, collection=many(closed(name=TEXT, image=TEXT)))
MCT_0_0_2: Schema = closed(
    schema_version=TEXT,
    model_details=closed(
        name=TEXT,
        overview=TEXT,
        documentation=TEXT,
        owners=many(closed(name=TEXT, contact=TEXT)),
        version=closed(name=TEXT, date={"type": "string", "format": "date"}, diff=TEXT),
        licenses=many(
            closed(identifier=TEXT, custom_text=TEXT)
            | {"oneOf": [{"required": ["identifier"]}, {"required": ["custom_text"]}]}
        ),
        references=many(closed(reference={"type": "string", "format": "uri"})),
        citations=many(closed(style=TEXT, citation=TEXT)),
        path=TEXT,
    ),
    model_parameters=closed(
        model_architecture=TEXT,
        data=many(
            closed(
                name=TEXT,
                link={"type": "string", "format": "uri"},
                sensitive=closed(sensitive_data=many(TEXT)),
                graphics=_GRAPHICS,
                description=TEXT,
            )
        ),
        input_format=TEXT,
        input_format_map=many(_KEYVAL),
        output_format=TEXT,
        output_format_map=many(_KEYVAL),
    ),
    quantitative_analysis=closed(
        performance_metrics=many(
            closed(type=TEXT, value=TEXT, slice=TEXT, confidence_interval=closed(lower_bound=TEXT, upper_bound=TEXT))
        ),
        graphics=_GRAPHICS,
    ),
    considerations=closed(
        users=many(_DESCRIBED),
        use_cases=many(_DESCRIBED),
        limitations=many(_DESCRIBED),
        tradeoffs=many(_DESCRIBED),
        ethical_considerations=many(closed(name=TEXT, mitigation_strategy=TEXT)),
    ),
) | {"$schema": "http://json-schema.org/draft-07/schema#"}

_TRAINING_METRIC = closed(("name", "value"), name=text(255, 1), notes=text(1024), value={"type": "number"})
_PARAMETER = closed(("name", "value"), name=text(255, 1), value=text(255))
_METRIC = closed(
    ("name", "type", "value"),
    name=text(255, 1),
    notes=text(1024),
    type={"enum": ["number", "string", "boolean"]},
    value={"type": ["number", "string", "boolean"]},
    x_axis_name=TEXT,
    y_axis_name=TEXT,
)
_ENVIRONMENT = closed(container_image=many(text(1024), 15))
SAGEMAKER: Schema = closed(
    model_overview=closed(
        model_id=text(1024),
        model_name=text(1024),
        model_description=text(1024),
        model_version={"type": "integer", "minimum": 1},
        problem_type=TEXT,
        algorithm_type=text(1024),
        model_creator=text(1024),
        model_owner=text(1024),
        model_artifact=many(text(1024), 15),
        inference_environment=_ENVIRONMENT,
    ),
    intended_uses=closed(
        purpose_of_model=text(2048),
        intended_uses=text(2048),
        factors_affecting_model_efficiency=text(2048),
        risk_rating={"enum": ["High", "Medium", "Low", "Unknown"]},
        explanations_for_risk_rating=text(2048),
    ),
    business_details=closed(business_problem=text(2048), business_stakeholders=text(2048), line_of_business=text(2048)),
    training_details=closed(
        objective_function=closed(
            function=closed(
                function={"enum": ["Maximize", "Minimize"]},
                facet={"enum": ["Accuracy", "AUC", "Loss", "MAE", "RMSE"]},
                condition=text(63),
            ),
            notes=text(1024),
        ),
        training_observations=text(1024),
        training_job_details=closed(
            training_arn=text(1024),
            training_datasets=many(text(1024), 15),
            training_environment=_ENVIRONMENT,
            training_metrics=many(_TRAINING_METRIC, 50),
            user_provided_training_metrics=many(_TRAINING_METRIC, 50),
            hyper_parameters=many(_PARAMETER, 100),
            user_provided_hyper_parameters=many(_PARAMETER, 100),
        ),
    ),
    evaluation_details=many(
        closed(
            ("name",),
            name=text(63, 1),
            evaluation_observation=text(2096),
            evaluation_job_arn=text(256),
            datasets=many(text(1024), 10),
            metadata={"type": "object", "additionalProperties": text(1024)},
            metric_groups=many(closed(("name", "metric_data"), name=text(63, 1), metric_data=many(_METRIC))),
        )
    ),
    additional_information=closed(
        ethical_considerations=text(2048),
        caveats_and_recommendations=text(2048),
        custom_details={"type": "object", "additionalProperties": text(1024)},
    ),
)
