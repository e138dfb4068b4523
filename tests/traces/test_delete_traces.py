"""Deleting traces by id, by time and by age: what goes, what stays, and what the events say."""

from __future__ import annotations

import io
from typing import Any

import pytest

from audit.models import Event
from audit.sentences import facts
from core.actors import Actor
from core.errors import DomainError, InvalidInput, TooLarge
from core.times import now_ms
from tests.traces.conftest import TRACE, actions, new_info, new_span
from traces.models import Assessment, AssessmentKind, Span, Trace, TraceMetadata, TraceRun, TraceTag
from traces.services.assessments import AssessmentData
from traces.services.deletion import delete_traces, prune_traces
from traces.services.infos import record_info
from traces.services.links import link_traces_to_run
from traces.services.spans import record_spans
from traces.tasks import prune_traces as task
from tracking.artifacts import seal_folder, store_artifact
from tracking.models import Artifact, Experiment
from tracking.services.experiments import create_experiment
from tracking.services.runs import create_run

pytestmark = pytest.mark.django_db
DAY_MS = 86_400_000


def several(actor: Actor, experiment: Experiment, count: int, **fields: Any) -> list[str]:
    ids = [f"tr-{number:032x}" for number in range(count)]
    for number, pk in enumerate(ids):
        record_info(actor=actor, info=new_info(experiment, trace_id=pk, request_ms=number, **fields))
    return ids


def test_all_that_belongs_to_a_trace_goes_with_it(actor: Actor, experiment: Experiment) -> None:
    said = AssessmentData(kind=AssessmentKind.FEEDBACK, name="n", value=1)
    record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span()])
    record_info(actor=actor, info=new_info(experiment, metadata={"m": "1"}, assessments=(said,)))
    run = create_run(actor=actor, experiment_id=experiment.pk)
    link_traces_to_run(actor=actor, run_id=run.pk, trace_ids=[TRACE])
    folder = f"{experiment.pk}/traces/{TRACE}/artifacts"
    store_artifact(actor=actor, path=f"{folder}/attachments/1", stream=io.BytesIO(b"x"))
    store_artifact(actor=actor, path=f"{experiment.pk}/other", stream=io.BytesIO(b"x"))
    assert delete_traces(actor=actor, experiment_id=str(experiment.pk), trace_ids=[TRACE, "tr-none"]) == 1
    for table in (Trace, Span, TraceTag, TraceMetadata, TraceRun, Assessment):
        assert table.objects.count() == 0
    assert list(Artifact.objects.values_list("path", flat=True)) == [f"{experiment.pk}/other"]
    said_so = facts(Event.objects.latest("pk"))
    assert (said_so["action"], said_so["object"]) == ("traces.traces.deleted", f"experiment:{experiment.pk}")
    assert (said_so["before"]["traces"], said_so["after"]) == ([TRACE], {"deleted": 1, "files": 1})


def test_files_that_a_version_stands_on_stay(actor: Actor, experiment: Experiment) -> None:
    record_info(actor=actor, info=new_info(experiment))
    folder = f"{experiment.pk}/traces/{TRACE}/artifacts"
    for name in ("model/MLmodel", "loose"):
        store_artifact(actor=actor, path=f"{folder}/{name}", stream=io.BytesIO(b"x"))
    seal_folder(actor=actor, prefix=f"{folder}/model", reason="test")
    delete_traces(actor=actor, experiment_id=str(experiment.pk), trace_ids=[TRACE])
    assert list(Artifact.objects.values_list("path", flat=True)) == [f"{folder}/model/MLmodel"]


def test_the_oldest_go_first_up_to_a_time(actor: Actor, experiment: Experiment) -> None:
    ids = several(actor, experiment, 5)
    assert delete_traces(actor=actor, experiment_id=str(experiment.pk), max_timestamp_ms=3, max_traces=2) == 2
    assert sorted(Trace.objects.values_list("pk", flat=True)) == ids[2:]
    assert delete_traces(actor=actor, experiment_id=str(experiment.pk), max_timestamp_ms=3) == 2
    assert sorted(Trace.objects.values_list("pk", flat=True)) == ids[4:]


def test_other_experiments_keep_theirs(actor: Actor, experiment: Experiment) -> None:
    ids = several(actor, experiment, 2)
    other = create_experiment(actor=actor, name="other")
    assert delete_traces(actor=actor, experiment_id=str(other.pk), trace_ids=ids) == 0
    assert delete_traces(actor=actor, experiment_id=str(other.pk), max_timestamp_ms=99) == 0
    assert (Trace.objects.count(), [name for name in actions() if "delete" in name]) == (2, [])


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({}, InvalidInput),
        ({"trace_ids": ["a"], "max_timestamp_ms": 1}, InvalidInput),
        ({"trace_ids": ["a"], "max_traces": 1}, InvalidInput),
        ({"max_timestamp_ms": 9, "max_traces": 0}, InvalidInput),
        ({"max_timestamp_ms": 9, "max_traces": -1}, InvalidInput),
        ({"trace_ids": [str(number) for number in range(1001)]}, TooLarge),
    ],
)
def test_a_question_that_cannot_be_meant_deletes_nothing(
    actor: Actor, experiment: Experiment, asked: dict[str, Any], error: type[DomainError]
) -> None:
    several(actor, experiment, 1)
    with pytest.raises(error):
        delete_traces(actor=actor, experiment_id=str(experiment.pk), **asked)
    assert (Trace.objects.count(), actions()) == (1, [])


def test_many_go_in_batches_with_an_event_each(
    actor: Actor, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traces.services.deletion.BATCH", 2)
    several(actor, experiment, 5)
    assert delete_traces(actor=actor, experiment_id=str(experiment.pk), max_timestamp_ms=99) == 5
    assert actions() == ["traces.traces.deleted"] * 3


def test_nothing_is_pruned_where_traces_are_kept_for_good(actor: Actor, experiment: Experiment, settings: Any) -> None:
    settings.TRACE_DAYS = 0
    several(actor, experiment, 1)
    assert (task(), Trace.objects.count()) == (0, 1)


def test_what_is_older_than_it_is_kept_goes_by_the_time_of_this_server(
    actor: Actor, experiment: Experiment, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRACE_DAYS = 30
    monkeypatch.setattr("traces.services.deletion.BATCH", 2)
    ids = several(actor, experiment, 4)  # the clients' clocks say 1970
    Trace.objects.filter(pk__in=ids[:3]).update(received_ms=now_ms() - 31 * DAY_MS)
    assert task() == 3
    assert list(Trace.objects.values_list("pk", flat=True)) == ids[3:]
    assert actions() == ["traces.traces.pruned"] * 2
    assert Event.objects.latest("pk").actor_ref == "system:prune_traces"
    assert prune_traces(now=now_ms() + 31 * DAY_MS) == 1


def test_a_run_of_pruning_is_bounded(
    actor: Actor, experiment: Experiment, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRACE_DAYS = 1
    monkeypatch.setattr("traces.services.deletion.BATCH", 1)
    monkeypatch.setattr("traces.services.deletion._MAX_BATCHES", 2)
    several(actor, experiment, 5)
    assert prune_traces(now=now_ms() + 2 * DAY_MS) == 2
    assert Trace.objects.count() == 3
