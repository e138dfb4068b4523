"""Lists of traces: the search, and the newest traces of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from console.traces.queries import run_names
from core.actors import Actor
from core.errors import InvalidInput
from traces.keys import NAME, SESSION, SOURCE_RUN, TOKEN_USAGE
from traces.models import Assessment, Trace
from traces.queries import load_traces, traces_of_run
from traces.search.traces import search_traces
from tracking.models import Experiment, Lifecycle
from tracking.permissions.levels import visible_experiments

PER_PAGE = 50
ON_RUN_PAGE = 10
_EXPERIMENTS = 500
_SHOWN_ASSESSMENTS = 3


@dataclass(frozen=True, slots=True)
class AssessmentLabel:
    """One assessment in a list. ``is_bad`` tells that its value is negative."""

    name: str
    value: str
    is_bad: bool


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One row of a list."""

    trace: Trace
    title: str
    seconds: float | None
    run_id: str
    run_name: str
    session: str
    tokens: int | None
    assessments: list[AssessmentLabel]
    more_assessments: int


@dataclass(frozen=True, slots=True)
class TracesPage:
    """The result of a search. ``problem`` says what is wrong with the filter, "" for nothing."""

    experiments: list[Experiment]
    experiment: str
    run_id: str
    run_name: str
    text: str
    order: str
    rows: list[TraceRow]
    next_token: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RunTraces:
    """The newest traces of a run, and the number of all its traces."""

    rows: list[TraceRow]
    count: int


def traces_page(actor: Actor, *, experiment: str, run_id: str, text: str, order: str, token: str) -> TracesPage:
    """Search traces: ``text`` is a filter in MLflow's language, or text that a span contains."""
    experiments = list(
        visible_experiments(actor).filter(lifecycle_stage=Lifecycle.ACTIVE).order_by("name")[:_EXPERIMENTS]
    )
    experiment_ids = [experiment] if experiment else [str(row.pk) for row in experiments]
    traces: list[Trace] = []
    next_token = problem = ""
    try:
        traces, next_token = search_traces(
            actor=actor,
            experiment_ids=experiment_ids,
            filter_string=_filter_of(text, run_id),
            order_by=[order] if order else [],
            max_results=PER_PAGE,
            page_token=token,
        )
    except InvalidInput as error:
        problem = error.message
    run_name = run_names(actor, [run_id]).get(run_id, "") if run_id else ""
    return TracesPage(
        experiments, experiment, run_id, run_name, text, order, trace_rows(actor, traces), next_token, problem
    )


def _filter_of(text: str, run_id: str) -> str:
    """Return the filter of a search: a text without an operator is searched in the spans."""
    quoted, run = text.replace("'", ""), run_id.replace("'", "")
    clauses = [text if _is_filter(text) else f"trace.text ILIKE '%{quoted}%'"] if text else []
    return " AND ".join([*clauses, f"run_id = '{run}'"] if run_id else clauses)


def _is_filter(text: str) -> bool:
    lower = f" {text.lower()} "
    return any(sign in text for sign in ("=", "<", ">")) or any(
        word in lower for word in (" like ", " ilike ", " rlike ", " in ", " is null ", " is not null ")
    )


def traces_of(actor: Actor, run_id: str) -> RunTraces:
    """Return the newest traces of a run for its page."""
    rows = traces_of_run(actor, run_id)
    newest = list(rows[:ON_RUN_PAGE])
    load_traces(newest)
    return RunTraces(trace_rows(actor, newest), rows.count() if len(newest) == ON_RUN_PAGE else len(newest))


def trace_rows(actor: Actor, traces: Sequence[Trace]) -> list[TraceRow]:
    """Return the rows of traces whose tags, metadata and assessments are loaded; one query for the names of runs."""
    metadata = {trace.pk: {pair.key: pair.value for pair in trace.metadata.all()} for trace in traces}
    names = (
        run_names(actor, {pairs[SOURCE_RUN] for pairs in metadata.values() if SOURCE_RUN in pairs}) if traces else {}
    )
    return [_row(trace, metadata[trace.pk], names) for trace in traces]


def _row(trace: Trace, metadata: Mapping[str, str], names: Mapping[str, str]) -> TraceRow:
    valid = [row for row in sorted(trace.assessments.all(), key=lambda row: row.pk) if row.valid]
    run_id = metadata.get(SOURCE_RUN, "")
    return TraceRow(
        trace=trace,
        title=title_of(trace),
        seconds=None if trace.duration_ms is None else trace.duration_ms / 1000,
        run_id=run_id if run_id in names else "",
        run_name=names.get(run_id, ""),
        session=metadata.get(SESSION, ""),
        tokens=tokens_of(metadata),
        assessments=[_label(row) for row in valid[:_SHOWN_ASSESSMENTS]],
        more_assessments=max(0, len(valid) - _SHOWN_ASSESSMENTS),
    )


def title_of(trace: Trace) -> str:
    """Return the name of a trace, its id where it has no name."""
    return next((tag.value for tag in trace.tags.all() if tag.key == NAME and tag.value), trace.pk)


def tokens_of(metadata: Mapping[str, str]) -> int | None:
    """Return how many tokens a trace used, None where its metadata does not say."""
    try:
        total = orjson.loads(metadata.get(TOKEN_USAGE, "{}"))["total_tokens"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return total if isinstance(total, int) else None


def _label(row: Assessment) -> AssessmentLabel:
    return AssessmentLabel(row.name, row.value.strip('"') or "error", row.value in {"false", '"no"', ""})
