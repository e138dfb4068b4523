"""Rights on runs and their datasets in the lineage graph: what an actor may see (LINEAGE_VISIBILITY), and add
(LINEAGE_WRITERS).
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat, Greatest, StrIndex, Substr

from audit.actions import Action
from audit.refusals import Refusal
from core.actors import Actor
from core.refs import dataset_ref, logged_model_ref, run_ref
from lineage.models import Edge, Node, Relation
from tracking.models import ExperimentLevel, LoggedModel, Run
from tracking.permissions.levels import everybody_has
from tracking.permissions.runs import Change, readable_runs, refuse_run, visible_runs

_RUN, _DATASET, _DATASET_VERSION = run_ref(""), dataset_ref(""), "dataset-version:"
_EVALUATION, _CONTENT, _LOGGED_MODEL = "evaluation:", "content:", logged_model_ref("")
_READ_BY = (Relation.CONSUMED, Relation.INHERITED)
# The URN of an evaluation is `evaluation:<run id>/<logged model>/<dataset>`. PostgreSQL may read it of edges that lead
# elsewhere before it leaves them out, and refuses a negative length.
_RUN_OF_EVALUATION = Substr(
    "dst__urn",
    len(_EVALUATION) + 1,
    Greatest(StrIndex("dst__urn", Value("/")) - Value(len(_EVALUATION) + 1), Value(0)),
)


def hidden_urns(actor: Actor, urns: frozenset[str]) -> frozenset[str]:
    """Return the URNs that are hidden from the actor: runs that they may not see, and nodes that only such runs use.

    Those nodes are datasets, evaluations and logged models. Runs that are not tracked here hide nothing.
    """
    if everybody_has(ExperimentLevel.READ, actor):
        return frozenset()
    return (
        _hidden_runs(actor, urns)
        | _hidden_datasets(actor, urns)
        | _hidden_evaluations(actor, urns)
        | _hidden_logged_models(actor, urns)
        | frozenset(urn for urn in urns if urn.startswith(_CONTENT))
    )


def _hidden_evaluations(actor: Actor, urns: frozenset[str]) -> frozenset[str]:
    """Return the evaluations by runs that the actor may not see."""
    runs = {urn: urn.removeprefix(_EVALUATION).partition("/")[0] for urn in urns if urn.startswith(_EVALUATION)}
    hidden = _hidden_runs(actor, frozenset(run_ref(run_id) for run_id in runs.values()))
    return frozenset(urn for urn, run_id in runs.items() if run_ref(run_id) in hidden)


def _hidden_logged_models(actor: Actor, urns: frozenset[str]) -> frozenset[str]:
    """Return the logged models of runs that the actor may not see."""
    ids = [urn.removeprefix(_LOGGED_MODEL) for urn in urns if urn.startswith(_LOGGED_MODEL)]
    if not ids:
        return frozenset()
    rows = LoggedModel.objects.filter(pk__in=ids).exclude(source_run__in=visible_runs(actor))
    return frozenset(logged_model_ref(pk) for pk in rows.values_list("pk", flat=True))


def _hidden_runs(actor: Actor, urns: frozenset[str]) -> frozenset[str]:
    run_ids = [urn.removeprefix(_RUN) for urn in urns if urn.startswith(_RUN)]
    rows = list(Run.objects.filter(pk__in=run_ids)) if run_ids else []
    readable = {run.pk for run in readable_runs(actor, rows)}
    return frozenset(run_ref(run.pk) for run in rows if run.pk not in readable)


def _hidden_datasets(actor: Actor, urns: frozenset[str]) -> frozenset[str]:
    versions = [urn for urn in urns if urn.startswith(_DATASET_VERSION)]
    datasets = [urn for urn in urns if urn.startswith(_DATASET)]
    hidden: set[str] = set()
    if versions:
        rows = Node.objects.filter(urn__in=versions).exclude(known_datasets(actor))
        hidden |= set(rows.values_list("urn", flat=True))
    if datasets:
        visible = Node.objects.filter(known_datasets(actor), container=OuterRef("pk"))
        members = Node.objects.filter(container=OuterRef("pk"))
        rows = Node.objects.filter(Exists(members), ~Exists(visible), urn__in=datasets)
        hidden |= set(rows.values_list("urn", flat=True))
    return frozenset(hidden)


def known_datasets(actor: Actor) -> Q:
    """Return the condition that the actor may see a dataset version.

    They may where no tracked run uses it, or where a run that they may see uses it. A run uses it by reading, writing,
    inheriting it or by evaluating on it.
    """
    if everybody_has(ExperimentLevel.READ, actor):
        return Q()
    read = Edge.objects.filter(src=OuterRef("pk"), rel__in=_READ_BY)
    produced = Edge.objects.filter(dst=OuterRef("pk"), rel=Relation.PRODUCED)
    measured = Edge.objects.filter(src=OuterRef("pk"), rel=Relation.EVALUATED_ON).annotate(run_id=_RUN_OF_EVALUATION)
    runs = run_urns(actor)
    used_by_visible = (
        Q(Exists(read.filter(dst__urn__in=runs)))
        | Q(Exists(produced.filter(src__urn__in=runs)))
        | Q(Exists(measured.filter(run_id__in=visible_runs(actor).values("pk"))))
    )
    return (~Q(Exists(read)) & ~Q(Exists(produced)) & ~Q(Exists(measured))) | used_by_visible


def run_urns(actor: Actor) -> QuerySet[Run, str]:
    """Return the URNs of the runs that the actor may see."""
    return visible_runs(actor).annotate(urn=Concat(Value(_RUN), "pk")).values_list("urn", flat=True)


def known_readers(actor: Actor) -> Q:
    """Return the condition that an edge out of a dataset version leads to a run that the actor may see."""
    consumed = Q(out_edges__rel=Relation.CONSUMED)
    return (
        consumed
        if everybody_has(ExperimentLevel.READ, actor)
        else consumed & Q(out_edges__dst__urn__in=run_urns(actor))
    )


def refuse_ancestry(actor: Actor, urn: str, action: Action) -> Refusal | None:
    """Return the refusal to declare inputs of a run, None where the actor may change the run."""
    if not urn.startswith(_RUN):
        return None
    run = Run.objects.filter(pk=urn.removeprefix(_RUN)).first()
    return refuse_run(actor, run, Change.EVIDENCE, action) if run is not None else None
