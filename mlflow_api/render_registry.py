"""Registry entities as JSON of the MLflow protocol: versions are text, times milliseconds; empty lists are omitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlflow_api.render_tracking import Json, filled, pairs
from registry.models import ModelVersion, RegisteredModel
from registry.production.lookups import VERSION_COLUMNS, ShownVersion
from registry.queries import latest_of_models


def registered_models(models: Sequence[RegisteredModel]) -> list[Json]:
    """Return models with the latest version of each stage; two more queries, however many models there are."""
    latest = latest_of_models([model.pk for model in models])
    return [_registered_model(model, latest.get(model.pk, [])) for model in models]


def registered_model(model: RegisteredModel) -> Json:
    """Return one registered model with the latest version of each stage."""
    return registered_models([model])[0]


def _registered_model(model: RegisteredModel, latest: Iterable[ModelVersion]) -> Json:
    aliases = sorted(model.aliases.all(), key=lambda alias: alias.name)
    return filled(
        name=model.name,
        creation_timestamp=model.created_ms,
        last_updated_timestamp=model.updated_ms,
        user_id=model.created_by,
        description=model.description,
        latest_versions=[model_version(version) for version in latest],
        tags=pairs(model.tags.all()),
        aliases=[{"alias": alias.name, "version": str(alias.version.version)} for alias in aliases],
    )


def model_versions(versions: Iterable[ModelVersion]) -> list[Json]:
    """Return versions in the given order."""
    return [model_version(version) for version in versions]


def model_version(version: ModelVersion) -> Json:
    """Return a version with its tags and aliases."""
    columns = {column: getattr(version, column) for column in VERSION_COLUMNS}
    tags = {tag.key: tag.value for tag in version.tags.all()}
    return shown_version(
        ShownVersion(version.model.name, **columns, tags=tags, aliases=[alias.name for alias in version.aliases.all()])
    )


def shown_version(version: ShownVersion) -> Json:
    """Return the JSON of a version that was loaded without the ORM; times are milliseconds since 1970."""
    return filled(
        name=version.name,
        version=str(version.version),
        creation_timestamp=version.created_ms,
        last_updated_timestamp=version.updated_ms,
        user_id=version.created_by,
        current_stage=version.stage,
        description=version.description,
        source=version.source,
        run_id=version.run_id,
        run_link=version.run_link,
        status="READY",
        tags=[{"key": key, "value": value} for key, value in sorted(version.tags.items())],
        aliases=sorted(version.aliases),
    )
