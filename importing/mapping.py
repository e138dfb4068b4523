"""From what an old server holds to what this one keeps: values too long are cut, what breaks a rule is left out and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from core.errors import DomainError
from importing.report import Report
from importing.sources.base import FoundVersion
from registry.names import check_tag
from registry.services.imports import OldModel, OldVersion
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
_MOST_REGISTRY_TAG = 100_000


def fitting_experiment(old: OldExperiment, report: Report) -> OldExperiment:
    """Return an experiment whose tags can be kept."""
    tags = _pairs(old.tags, MAX_EXPERIMENT_TAG_VALUE, "tags of experiments", old.name, report)
    return replace(old, tags=tags)


def fitting_run(old: OldRun, report: Report) -> OldRun:
    """Return a run whose name, params, tags and datasets can be kept."""
    return replace(
        old,
        name=old.name[:MAX_RUN_NAME],
        params=_pairs(old.params, MAX_PARAM_VALUE, "params of runs", old.id, report),
        tags=_pairs(old.tags, MAX_TAG_VALUE, "tags of runs", old.id, report),
        datasets=[item for item in old.datasets if _keepable(item, old.id, report)],
    )


def fitting_logged_model(old: OldLoggedModel, report: Report) -> OldLoggedModel:
    """Return a logged model whose params and tags can be kept."""
    return replace(
        old,
        params=_pairs(old.params, MAX_PARAM_VALUE, "params of logged models", old.id, report),
        tags=_pairs(old.tags, MAX_TAG_VALUE, "tags of logged models", old.id, report),
    )


def fitting_model(old: OldModel, report: Report) -> OldModel:
    """Return a registered model whose tags can be kept."""
    return replace(
        old, tags=_pairs(old.tags, _MOST_REGISTRY_TAG, "tags of models", old.name, report, check=_registry_key)
    )


def fitting_version(found: FoundVersion, report: Report) -> OldVersion:
    """Return a version whose tags can be kept, with one that tells the stage it had."""
    old = found.old
    tags = _pairs(
        old.tags, _MOST_REGISTRY_TAG, "tags of versions", f"{old.name}/{old.version}", report, check=_registry_key
    )
    return replace(old, tags={**tags, STAGE_TAG: found.stage} if found.stage != "None" else tags)


def fitting_points(points: Sequence[Point], run_id: str, report: Report) -> list[Point]:
    """Return the values that can be kept, without repetitions."""
    try:
        return checked_points(points)
    except DomainError:
        return checked_points(list(_each_fitting(points, run_id, report)))


def _each_fitting(points: Sequence[Point], run_id: str, report: Report) -> Iterator[Point]:
    for point in points:
        try:
            checked_points([point])
        except DomainError as error:
            report.trouble("metric values", f"{run_id} {point.key[:100]!r}", _short(error))
        else:
            yield point


def _keepable(item: DatasetInput, run_id: str, report: Report) -> bool:
    try:
        checked_datasets([item])
    except DomainError as error:
        report.trouble("datasets of runs", f"{run_id} {item.name[:100]!r}", _short(error))
        return False
    return True


def _run_key(key: str) -> None:
    checked_key(key, what="key")


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
    kept = {}
    for key, value in pairs.items():
        name = f"{owner} {key[:100]!r}"
        try:
            check(key)
            kept[key] = checked_text(value[:longest], what="value", limit=longest)
        except DomainError as error:
            report.trouble(kind, name, _short(error))
        else:
            if len(value) > longest:
                report.trouble(kind, name, f"cut to {longest} characters")
    return kept


def _short(error: DomainError) -> str:
    return error.message[:300]
