"""Traces of a run, prompts of a trace, and tags that somebody sets on a trace that is there."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts.models import User
from core.actors import Actor
from core.errors import InvalidInput, NotFound, TooLarge
from tests.conftest import Acting
from tests.signed_in import READER
from tests.traces.conftest import TRACE, actions, new_info
from tests.tracking.levels import give
from traces.models import TracePrompt, TraceRun, TraceTag
from traces.queries import traces_of_run
from traces.search.traces import search_traces
from traces.services.infos import record_info
from traces.services.links import link_prompts, link_traces_to_run
from traces.services.tags import delete_trace_tag, set_trace_tag
from tracking.models import Experiment, ExperimentLevel, Run, RunWriter
from tracking.services.experiments import create_experiment
from tracking.services.runs import create_run, delete_run

pytestmark = pytest.mark.django_db
OTHER = "tr-" + "cd" * 16


@pytest.fixture
def run(actor: Actor, experiment: Experiment) -> Run:
    run = create_run(actor=actor, experiment_id=experiment.pk)
    record_info(actor=actor, info=new_info(experiment))
    record_info(actor=actor, info=new_info(experiment, trace_id=OTHER, metadata={"mlflow.sourceRun": run.pk}))
    return run


def told() -> list[str]:
    return [action for action in actions() if action.startswith("traces.")]


def test_a_run_has_the_traces_that_name_it_and_those_that_are_linked(run: Run, bot_actor: Actor) -> None:
    assert link_traces_to_run(actor=bot_actor, run_id=run.pk, trace_ids=[TRACE, "tr-none", TRACE]) == 1
    assert sorted(traces_of_run(READER, run.pk).values_list("pk", flat=True)) == sorted([TRACE, OTHER])
    assert told() == ["traces.traces.linked"]
    assert RunWriter.objects.get().name == "bot"


def test_a_trace_of_somebody_without_the_right_does_not_belong_to_the_run(
    run: Run, experiment: Experiment, cy: User, acting: Acting, settings: Settings
) -> None:
    settings.DEFAULT_EXPERIMENT_LEVEL = "read"
    theirs = new_info(experiment, trace_id="tr-" + "ef" * 16, metadata={"mlflow.sourceRun": run.pk})
    record_info(actor=acting(cy), info=theirs)
    assert traces_of_run(READER, run.pk).get().pk == OTHER
    found, _ = search_traces(actor=READER, experiment_ids=[str(experiment.pk)], filter_string=f"run_id = '{run.pk}'")
    assert [trace.pk for trace in found] == [OTHER]
    assert TraceRun.objects.count() == RunWriter.objects.count() == 0


def test_a_trace_of_an_editor_belongs_to_the_run(
    run: Run, experiment: Experiment, cy: User, acting: Acting, settings: Settings
) -> None:
    settings.DEFAULT_EXPERIMENT_LEVEL = "read"
    give(experiment, acting(cy), ExperimentLevel.EDIT)
    theirs = new_info(experiment, trace_id="tr-" + "ef" * 16, metadata={"mlflow.sourceRun": run.pk})
    record_info(actor=acting(cy), info=theirs)
    assert traces_of_run(READER, run.pk).count() == 2
    assert RunWriter.objects.get().name == "cy"


def test_the_name_of_a_hidden_run_is_a_name_like_any_other(
    run: Run, cy: User, ops: User, acting: Acting, settings: Settings
) -> None:
    settings.DEFAULT_EXPERIMENT_LEVEL = "none"
    own = create_experiment(actor=acting(cy), name="own")
    for number, run_id in enumerate([run.pk, "0" * 32]):
        said = new_info(own, trace_id=f"tr-{number:032x}", metadata={"mlflow.sourceRun": run_id})
        record_info(actor=acting(cy), info=said)
        found, _ = search_traces(actor=acting(cy), experiment_ids=[str(own.pk)], filter_string=f"run_id = '{run_id}'")
        assert [trace.pk for trace in found] == [said.trace_id]
    assert traces_of_run(acting(ops), run.pk).get().pk == OTHER


def test_linking_again_changes_nothing(run: Run, actor: Actor) -> None:
    for _ in range(2):
        link_traces_to_run(actor=actor, run_id=run.pk, trace_ids=[TRACE])
    assert (TraceRun.objects.count(), told()) == (1, ["traces.traces.linked"])


def test_a_link_that_is_refused_leaves_nothing(run: Run, actor: Actor) -> None:
    with pytest.raises(TooLarge):
        link_traces_to_run(actor=actor, run_id=run.pk, trace_ids=[str(number) for number in range(101)])
    with pytest.raises(NotFound):
        link_traces_to_run(actor=actor, run_id="nosuch", trace_ids=[TRACE])
    delete_run(actor=actor, run_id=run.pk)
    with pytest.raises(InvalidInput):
        link_traces_to_run(actor=actor, run_id=run.pk, trace_ids=[TRACE])
    assert (TraceRun.objects.count(), told()) == (0, [])


def test_prompts_are_linked_once(run: Run, actor: Actor) -> None:
    for _ in range(2):
        link_prompts(actor=actor, trace_id=TRACE, prompts=[("greeting", 3), ("system", 1)])
    assert sorted(TracePrompt.objects.values_list("name", "version")) == [("greeting", 3), ("system", 1)]
    with pytest.raises(NotFound):
        link_prompts(actor=actor, trace_id="nosuch", prompts=[("greeting", 3)])
    with pytest.raises(InvalidInput):
        link_prompts(actor=actor, trace_id=TRACE, prompts=[("x" * 257, 3)])
    assert TracePrompt.objects.count() == 2


def test_a_tag_is_set_changed_and_deleted(run: Run, actor: Actor) -> None:
    for value in ("1", "1", "2" * 9000):
        set_trace_tag(actor=actor, trace_id=TRACE, key="a b/c!", value=value)
    assert TraceTag.objects.get(trace=TRACE, key="a b/c!").value == "2" * 8000
    delete_trace_tag(actor=actor, trace_id=TRACE, key="a b/c!")
    assert told() == ["traces.tag.set", "traces.tag.set", "traces.tag.deleted"]


def test_a_tag_that_is_refused_leaves_nothing(run: Run, actor: Actor) -> None:
    before = TraceTag.objects.count()
    for key in ("", "k" * 251, "mlflow.trace.spansLocation", "mlflow.artifactLocation"):
        with pytest.raises(InvalidInput):
            set_trace_tag(actor=actor, trace_id=TRACE, key=key, value="v")
    with pytest.raises(InvalidInput):
        set_trace_tag(actor=actor, trace_id=TRACE, key="k", value="\x00")
    with pytest.raises(InvalidInput):
        delete_trace_tag(actor=actor, trace_id=TRACE, key="mlflow.artifactLocation")
    for trace_id, key in ((TRACE, "nosuch"), ("nosuch", "k")):
        with pytest.raises(NotFound):
            delete_trace_tag(actor=actor, trace_id=trace_id, key=key)
    with pytest.raises(NotFound):
        set_trace_tag(actor=actor, trace_id="nosuch", key="k", value="v")
    assert (TraceTag.objects.count(), told()) == (before, [])
