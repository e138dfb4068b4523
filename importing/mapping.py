"""Makes items of a source storable: values that are too long are cut, invalid values are dropped, both are reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from core.errors import DomainError
from importing.report import Report
from importing.sources.base import SourceVersion
from registry.names import check_tag
from registry.services.imports import ImportedModel, ImportedVersion
from tracking.limits import (
    MAX_EXPERIMENT_TAG_VALUE,
    MAX_PARAM_VALUE,
    MAX_RUN_NAME,
    MAX_TAG_VALUE,
    Point,
    checked_key,
    checked_points,
    checked_text,
)
from tracking.services.imports.records import OldExperiment, OldLoggedModel, OldRun
from tracking.services.inputs import DatasetInput, checked_datasets

STAGE_TAG = "custody.imported_stage"
_MAX_REGISTRY_TAG = 100_000
_ANY_LENGTH = 2**31


def storable_experiment(old: OldExperiment, report: Report) -> OldExperiment:
    """Return an experiment with the tags that can be stored."""
    tags = _pairs(old.tags, MAX_EXPERIMENT_TAG_VALUE, "tags of experiments", old.name, report)
    return replace(old, tags=tags)


def storable_run(old: OldRun, report: Report) -> OldRun:
    """Return a run with the name, params, tags and datasets that can be stored."""
    return replace(
        old,
        name=old.name[:MAX_RUN_NAME],
        params=_pairs(old.params, MAX_PARAM_VALUE, "params of runs", old.id, report),
        tags=_pairs(old.tags, MAX_TAG_VALUE, "tags of runs", old.id, report),
        datasets=[item for item in old.datasets if _is_storable(item, old.id, report)],
    )


def storable_logged_model(old: OldLoggedModel, report: Report) -> OldLoggedModel:
    """Return a logged model with the params and tags that can be stored."""
    return replace(
        old,
        params=_pairs(old.params, _ANY_LENGTH, "params of logged models", old.id, report, check=_any_key),
        tags=_pairs(old.tags, _ANY_LENGTH, "tags of logged models", old.id, report, check=_any_key),
    )


def storable_model(old: ImportedModel, report: Report) -> ImportedModel:
    """Return a registered model with the tags that can be stored."""
    return replace(
        old, tags=_pairs(old.tags, _MAX_REGISTRY_TAG, "tags of models", old.name, report, check=_registry_key)
    )


def storable_version(source: SourceVersion, report: Report) -> ImportedVersion:
    """Return a version with the tags that can be stored, and with a tag for the stage that it had."""
    old = source.old
    tags = _pairs(
        old.tags, _MAX_REGISTRY_TAG, "tags of versions", f"{old.name}/{old.version}", report, check=_registry_key
    )
    return replace(old, tags={**tags, STAGE_TAG: source.stage} if source.stage != "None" else tags)


def storable_points(points: Sequence[Point], run_id: str, report: Report) -> list[Point]:
    """Return the metric values that can be stored, without duplicates."""
    try:
        return checked_points(points)
    except DomainError:
        return checked_points(list(_each_storable(points, run_id, report)))


def _each_storable(points: Sequence[Point], run_id: str, report: Report) -> Iterator[Point]:
    for point in points:
        try:
            checked_points([point])
        except DomainError as error:
            report.add_problem("metric values", f"{run_id} {point.key[:100]!r}", _short(error))
        else:
            yield point


def _is_storable(item: DatasetInput, run_id: str, report: Report) -> bool:
    try:
        checked_datasets([item])
    except DomainError as error:
        report.add_problem("datasets of runs", f"{run_id} {item.name[:100]!r}", _short(error))
        return False
    return True


def _run_key(key: str) -> None:
    checked_key(key, field="key")


def _any_key(key: str) -> None:
    checked_text(key, field="key", limit=_ANY_LENGTH)


def _registry_key(key: str) -> None:
    check_tag(key, "")


def _pairs(
    pairs: Mapping[str, str],
    longest: int,
    kind: str,
    owner: str,
    report: Report,
    *,
    check: Callable[[str], None] = _run_key,
) -> dict[str, str]:
    stored = {}
    for key, value in pairs.items():
        name = f"{owner} {key[:100]!r}"
        try:
            check(key)
            stored[key] = checked_text(value[:longest], field="value", limit=longest)
        except DomainError as error:
            report.add_problem(kind, name, _short(error))
        else:
            if len(value) > longest:
                report.add_problem(kind, name, f"cut to {longest} characters")
    return stored


def _short(error: DomainError) -> str:
    return error.message[:300]
