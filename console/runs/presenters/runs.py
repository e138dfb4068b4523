"""The pages of runs: the search, and one run with its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from console.runs.presenters.curves import curves_of
from console.runs.presenters.model_files import ModelsOfRun, logged_models_of
from console.shell.charts import Chart
from console.shell.lookups import find_run_facts
from console.traces.presenters.lists import RunTraces, traces_of
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.ids import row_id
from core.refs import run_ref
from lineage.quarantine import Taint, visible_taint
from registry.models import ModelVersion
from registry.permissions import visible_versions
from tracking.artifacts import list_artifacts, open_artifact
from tracking.dataset_versions import parse_dataset_versions
from tracking.models import Artifact, Experiment, Lifecycle, Run, RunInput
from tracking.paths import key_of_uri
from tracking.permissions.experiments import may_read_experiment
from tracking.permissions.levels import visible_experiments
from tracking.provenance import DATASET_KEY
from tracking.queries import RunFacts, metric_value
from tracking.search.runs import search_runs

PER_PAGE = 50

_EXPERIMENTS = 500
_COLUMNS = 4
# The prefix of tags that MLflow's client sets. The page lists them separately.
_SYSTEM_TAGS = "mlflow."


@dataclass(frozen=True, slots=True)
class RunRow:
    """One row of the table: a run, its metrics by column (None: not logged), and the names of its datasets."""

    run: Run
    metrics: list[tuple[str, float | None]]
    datasets: list[str]


@dataclass(frozen=True, slots=True)
class RunsPage:
    """The result of a search. ``problem`` says what is wrong with the filter, "" for nothing.

    ``experiments`` are those to choose from. ``listed_experiments`` is how many are listed if there are others, else 0.
    """

    experiments: list[Experiment]
    listed_experiments: int
    experiment: str
    text: str
    order: str
    rows: list[RunRow]
    columns: list[str]
    next_token: str
    problem: str = ""


def runs_page(actor: Actor, *, experiment: str, text: str, order: str, token: str) -> RunsPage:
    """Search runs: ``text`` is a filter in MLflow's language, or a part of the name.

    Without an ``experiment`` the runs of every experiment are searched.
    """
    experiments, listed = _experiments(actor, experiment)
    runs: list[Run] = []
    next_token = problem = ""
    try:
        runs, next_token = search_runs(
            actor=actor,
            experiment_ids=[experiment] if experiment else None,
            filter_string=_as_filter(text),
            order_by=[order] if order else [],
            max_results=PER_PAGE,
            page_token=token,
        )
    except InvalidInput as error:
        problem = error.message
    columns = _columns(runs)
    rows = [_row(run, columns) for run in runs]
    return RunsPage(experiments, listed, experiment, text, order, rows, columns, next_token, problem)


def _experiments(actor: Actor, chosen: str) -> tuple[list[Experiment], int]:
    """Return the first experiments by name and the chosen one, and how many are listed if there are others, else 0."""
    active = visible_experiments(actor).filter(lifecycle_stage=Lifecycle.ACTIVE).order_by("name")
    rows = list(active[: _EXPERIMENTS + 1])
    if len(rows) <= _EXPERIMENTS:
        return rows, 0
    first = rows[:_EXPERIMENTS]
    if chosen not in {str(row.pk) for row in first}:
        first += [row for row in active.filter(pk=row_id(chosen)) if str(row.pk) == chosen]
    return first, _EXPERIMENTS


def _as_filter(text: str) -> str:
    """Return the filter of a search: a text without an operator is searched in the names of runs."""
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
    logged = [used.dataset.name for used in run.dataset_inputs.all()]
    tagged = [tag.value for tag in run.tags.all() if tag.key == "dataset_version"]
    return RunRow(run, [(key, values.get(key)) for key in columns], list(dict.fromkeys([*tagged, *logged])))


@dataclass(frozen=True, slots=True)
class TaggedDataset:
    """A dataset version that a run names in its `dataset_version`; ``source`` is `tag` or `param`."""

    name: str
    version: str
    source: str


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file or folder of a run; ``path`` is relative to its artifacts and ``size`` in bytes."""

    name: str
    path: str
    is_folder: bool
    size: int


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run.

    ``seconds`` is how long it took, None while it runs. ``experiment`` is None where this person may not see it.
    """

    run: Run
    experiment: Experiment | None
    title: str
    facts: RunFacts
    tags: dict[str, str]
    system_tags: dict[str, str]
    charts: list[Chart]
    datasets: Sequence[RunInput]
    tagged: list[TaggedDataset]
    versions: list[ModelVersion]
    folder: str
    parent: str
    files: list[FileRow]
    urn: str
    taint: Taint
    traces: RunTraces
    logged: ModelsOfRun
    seconds: float | None

    @property
    def dataset_count(self) -> int:
        """Return how many datasets the run logged or named."""
        return len(self.datasets) + len(self.tagged)


def run_page(actor: Actor, run_id: str, *, folder: str = "") -> RunPage:
    """Return the page of a run. Raises NotFound. Also raises InvalidInput for an invalid folder."""
    facts = find_run_facts(actor, run_id)
    run = facts.run
    versions = visible_versions(actor).filter(run_id=run.pk).select_related("model").order_by("model__name", "-version")
    clean = folder.strip("/")
    return RunPage(
        run=run,
        experiment=run.experiment if may_read_experiment(actor, run.experiment_id) else None,
        title=run.name or run.pk[:12],
        facts=facts,
        tags={key: value for key, value in facts.tags.items() if not key.startswith(_SYSTEM_TAGS)},
        system_tags={key: value for key, value in facts.tags.items() if key.startswith(_SYSTEM_TAGS)},
        charts=curves_of({run.pk: run.name or run.pk[:8]}),
        datasets=facts.datasets,
        tagged=_tagged(facts),
        versions=list(versions),
        folder=clean,
        parent=clean.rpartition("/")[0],
        files=_files(run, clean),
        urn=run_ref(run.pk),
        taint=visible_taint(actor, run_ref(run.pk)),
        traces=traces_of(actor, run.pk),
        logged=logged_models_of(actor, run),
        seconds=(run.end_ms - run.start_ms) / 1000 if run.end_ms and run.start_ms else None,
    )


def _tagged(facts: RunFacts) -> list[TaggedDataset]:
    """Return the dataset versions that the tag or param `dataset_version` names, without those that the run logged."""
    logged = {used.dataset.name for used in facts.datasets}
    return [
        TaggedDataset(name or f"{facts.run.experiment.name} dataset", version, source)
        for source, values in (("tag", facts.tags), ("param", facts.params))
        for name, version in parse_dataset_versions(values.get(DATASET_KEY, ""))
        if name not in logged
    ]


def _root(run: Run) -> str:
    """Return the folder of a run in this server's store, "" where its files are stored elsewhere."""
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


def artifact_of(actor: Actor, run_id: str, path: str) -> tuple[Artifact, BinaryIO]:
    """Return one file of a run with its open stream. Raises NotFound."""
    root = _root(find_run_facts(actor, run_id).run)
    if not root:
        raise NotFound("The files of this run are not stored on this server.")
    return open_artifact(f"{root}/{path}")
