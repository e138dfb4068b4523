"""What the pages of runs show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from console.runs.presenters.curves import curves_of
from console.shell.charts import Chart
from console.traces.presenters.lists import RunTraces, traces_of
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.refs import run_ref
from lineage.quarantine import Taint, taint_of
from registry.models import ModelVersion
from registry.permissions import visible_versions
from tracking.artifacts import list_artifacts, open_artifact
from tracking.models import Artifact, Experiment, Lifecycle, Run, RunInput
from tracking.paths import key_of_uri
from tracking.queries import RunFacts, get_run, metric_value, run_facts
from tracking.search.runs import search_runs

PER_PAGE = 50
NAMES_IN_CURVES = 6
_EXPERIMENTS = 500
_COLUMNS = 4
# Tags that MLflow's client sets for itself; the page shows them apart.
_SYSTEM_TAGS = "mlflow."


@dataclass(frozen=True, slots=True)
class RunRow:
    """One line of the table: the run and its values under the metric columns ("" where it has none)."""

    run: Run
    metrics: list[float | None]
    datasets: list[str]


@dataclass(frozen=True, slots=True)
class RunsPage:
    """The answer to a search. ``problem`` says what cannot be read in the filter."""

    experiments: list[Experiment]
    experiment: str
    text: str
    order: str
    rows: list[RunRow]
    columns: list[str]
    next_token: str
    problem: str = ""


def runs_page(*, experiment: str, text: str, order: str, token: str) -> RunsPage:
    """Search runs: ``text`` is MLflow's filter grammar, or plain words that the name should contain."""
    experiments = list(Experiment.objects.filter(lifecycle_stage=Lifecycle.ACTIVE).order_by("name")[:_EXPERIMENTS])
    within = [experiment] if experiment else [str(row.pk) for row in experiments]
    found: list[Run] = []
    next_token = problem = ""
    try:
        found, next_token = search_runs(
            experiment_ids=within,
            filter_string=_as_filter(text),
            order_by=[order] if order else [],
            max_results=PER_PAGE,
            page_token=token,
        )
    except InvalidInput as error:
        problem = error.message
    columns = _columns(found)
    rows = [_row(run, columns) for run in found]
    return RunsPage(experiments, experiment, text, order, rows, columns, next_token, problem)


def _as_filter(text: str) -> str:
    """Return a filter for what was typed: words without an operator look for runs with that in their name."""
    if not text or any(sign in text for sign in ("=", "<", ">")) or " like " in text.lower() or " in " in text.lower():
        return text
    quoted = text.replace("'", "")
    return f"attributes.run_name ILIKE '%{quoted}%'"


def _columns(runs: Sequence[Run]) -> list[str]:
    """Return the metrics that most of these runs have, for the table."""
    counts: dict[str, int] = {}
    for run in runs:
        for metric in run.latest_metrics.all():
            counts[metric.key] = counts.get(metric.key, 0) + 1
    return sorted(sorted(counts), key=lambda key: -counts[key])[:_COLUMNS]


def _row(run: Run, columns: list[str]) -> RunRow:
    values = {metric.key: metric_value(metric) for metric in run.latest_metrics.all()}
    named = [f"{used.dataset.name}" for used in run.dataset_inputs.all()]
    tagged = [tag.value for tag in run.tags.all() if tag.key == "dataset_version"]
    return RunRow(run, [values.get(key) for key in columns], list(dict.fromkeys([*tagged, *named])))


@dataclass(frozen=True, slots=True)
class FileRow:
    """One line of the files: ``path`` is relative to the run's artifacts."""

    name: str
    path: str
    is_folder: bool
    size: int


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run."""

    run: Run
    title: str
    facts: RunFacts
    tags: dict[str, str]
    system_tags: dict[str, str]
    charts: list[Chart]
    datasets: Sequence[RunInput]
    versions: list[ModelVersion]
    folder: str
    parent: str
    files: list[FileRow]
    urn: str
    taint: Taint
    seconds: float | None
    traces: RunTraces


def run_page(actor: Actor, run_id: str, *, folder: str = "") -> RunPage:
    """Return what the page of a run shows. NotFound; InvalidInput for a folder that cannot be."""
    facts = run_facts(run_id)
    run = facts.run
    versions = visible_versions(actor).filter(run_id=run.pk).select_related("model").order_by("model__name", "-version")
    clean = folder.strip("/")
    return RunPage(
        run=run,
        title=run.name or run.pk[:12],
        facts=facts,
        tags={key: value for key, value in facts.tags.items() if not key.startswith(_SYSTEM_TAGS)},
        system_tags={key: value for key, value in facts.tags.items() if key.startswith(_SYSTEM_TAGS)},
        charts=curves_of({run.pk: run.name or run.pk[:8]}),
        datasets=facts.datasets,
        versions=list(versions),
        folder=clean,
        parent=clean.rpartition("/")[0],
        files=_files(run, clean),
        urn=run_ref(run.pk),
        taint=taint_of(run_ref(run.pk)),
        seconds=(run.end_ms - run.start_ms) / 1000 if run.end_ms and run.start_ms else None,
        traces=traces_of(run.pk),
    )


def _root(run: Run) -> str:
    """Return the folder of a run's files in this server's store, "" where its files are kept elsewhere."""
    try:
        return key_of_uri(run.artifact_uri)
    except InvalidInput:
        return ""


def _files(run: Run, folder: str) -> list[FileRow]:
    root = _root(run)
    if not root:
        return []
    rows = list_artifacts(f"{root}/{folder}" if folder else root)
    return [FileRow(path.rsplit("/", 1)[-1], path[len(root) + 1 :], is_folder, size) for path, is_folder, size in rows]


def artifact_of(run_id: str, path: str) -> tuple[Artifact, BinaryIO]:
    """Open one file of a run. NotFound."""
    root = _root(get_run(run_id))
    if not root:
        raise NotFound("The files of this run are not kept on this server.")
    return open_artifact(f"{root}/{path}")
