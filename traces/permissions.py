"""Permissions on traces. A trace belongs to its creator, inside an experiment.

Reading takes `read` on the experiment. Who may read may also log traces and assessments of their own there. Changing
what others made takes `edit`, deleting it takes `manage`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from audit.actions import Action
from audit.refusals import Refusal, denied
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.refs import trace_ref
from traces.limits import quoted
from traces.models import Assessment, Trace
from tracking.models import Experiment, ExperimentLevel
from tracking.paths import key_of_uri
from tracking.permissions.experiments import may_read_experiment
from tracking.permissions.levels import everybody_has, level_on, rules_all, visible_experiments
from tracking.permissions.runs import Change, is_own

# The folder for all traces of an experiment (traces/files.py).
_TRACES = "traces"


@dataclass(frozen=True, slots=True)
class TraceClaim:
    """The folder of a trace's files, for tracking/permissions/artifacts.py."""

    trace: Trace

    @property
    def experiment_id(self) -> int:
        """Return the experiment of the trace."""
        return self.trace.experiment_id

    def may_read(self, actor: Actor) -> bool:
        """Return whether the actor may read the files."""
        return may_read_trace(actor, self.trace)

    def refuse(self, actor: Actor, change: Change, action: Action) -> Refusal | None:
        """Return the reason why the actor may not change the files, None where they may."""
        return refuse_trace(actor, self.trace, change, action)


def claims_on(path: str) -> list[TraceClaim]:
    """Return the traces in whose folder a path lies (settings.ARTIFACT_CLAIMS)."""
    segments = path.split("/")
    folders = {
        segments[at + 1]: "/".join(segments[:at]) for at in range(1, len(segments) - 1) if segments[at] == _TRACES
    }
    if not folders:
        return []
    rows = Trace.objects.select_related("experiment").filter(pk__in=folders)
    return [TraceClaim(trace) for trace in rows if _folder_of(trace.experiment) == folders[trace.pk]]


def _folder_of(experiment: Experiment) -> str:
    try:
        return key_of_uri(experiment.artifact_location).rstrip("/")
    except InvalidInput:
        return ""


def trace_not_found(trace_id: str) -> str:
    """Return the message for a trace that is missing or not visible: the same for both."""
    return f"Trace with ID {quoted(trace_id)} is not found."


def visible_to(actor: Actor) -> Q:
    """Return the condition that a trace is one the actor may read."""
    if everybody_has(ExperimentLevel.READ, actor):
        return Q()
    return Q(experiment__in=visible_experiments(actor))


def may_read_trace(actor: Actor, trace: Trace) -> bool:
    """Return whether the actor may see a trace."""
    return may_read_experiment(actor, trace.experiment_id)


def require_readable_trace(actor: Actor, trace: Trace) -> None:
    """Raise the NotFound of a missing trace for one that the actor may not see."""
    if not may_read_trace(actor, trace):
        raise NotFound(trace_not_found(trace.pk))


def refuse_trace(actor: Actor, trace: Trace, change: Change, action: Action) -> Refusal | None:
    """Return the reason why an actor who may read a trace may not change it, None where they may."""
    return _refuse(actor, trace, "trace", trace.created_by, change, action)


def require_trace(actor: Actor, trace: Trace, change: Change, action: Action) -> None:
    """Raise NotFound where the actor may not see the trace, Denied where they may not change it."""
    require_readable_trace(actor, trace)
    refusal = refuse_trace(actor, trace, change, action)
    if refusal is not None:
        raise denied(refusal)


def require_assessment(actor: Actor, trace: Trace, row: Assessment, change: Change, action: Action) -> None:
    """Raise Denied where the actor, who may read the trace, may not change an assessment of it."""
    refusal = _refuse(actor, trace, "assessment", row.created_by, change, action)
    if refusal is not None:
        raise denied(refusal)


def require_traces(actor: Actor, traces: Iterable[Trace], change: Change, action: Action) -> None:
    """Raise for the first of the traces that the actor may not change, as `require_trace` does."""
    for trace in traces:
        require_trace(actor, trace, change, action)


def _refuse(actor: Actor, trace: Trace, noun: str, created_by: str, change: Change, action: Action) -> Refusal | None:
    if rules_all(actor) or level_on(actor, trace.experiment_id) >= change.level or is_own(actor, created_by):
        return None
    verb = "delete" if change is Change.DELETE else "change"
    reason = (
        f"{actor.name} may not {verb} this {noun} of {created_by or 'somebody else'}: "
        f"it takes the level `{change.level.name.lower()}` on experiment {trace.experiment_id}."
    )
    return Refusal(reason, action, trace_ref(trace.pk))
