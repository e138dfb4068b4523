"""MLflow's filter language over traces: every key, what a missing value means, sorting and pages."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.actors import Actor
from core.errors import InvalidInput
from tests.signed_in import READER
from tests.traces.conftest import new_info, new_span
from traces.models import AssessmentKind, Trace
from traces.search.traces import search_traces
from traces.services.assessments import AssessmentData
from traces.services.infos import record_info
from traces.services.links import link_prompts, link_traces_to_run
from traces.services.spans import record_spans
from tracking.models import Experiment
from tracking.services.runs import create_run

pytestmark = pytest.mark.django_db
A, B, C = (f"tr-{letter * 32}" for letter in "abc")
NAMES = {A: "a", B: "b", C: "c"}


def said(name: str, value: object, **fields: Any) -> AssessmentData:
    given: dict[str, Any] = {"kind": AssessmentKind.FEEDBACK, "name": name, "value": value}
    return AssessmentData(**(given | fields))


@pytest.fixture(autouse=True)
def traces(actor: Actor, experiment: Experiment) -> None:
    """a is rich and OK, b is poor and failed, c is open and says nothing."""
    run = create_run(actor=actor, experiment_id=experiment.pk, tags=[("found", "by")])
    spans = [
        new_span(1, trace=A, name="root"),
        new_span(2, trace=A, parent=1, name="call \N{LATIN SMALL LETTER U WITH DIAERESIS}", attributes={
            "mlflow.spanType": "LLM", "model": "gpt-9", "n": 3, "ok": True, "f": 0.5, "list": ["x", 1], "a b": "c",
            "mlflow.spanInputs": {"question": "Why?"},
        }),
        new_span(1, trace=B, name="root", status="ERROR", attributes={"model": "other"}),
    ]  # fmt: skip
    record_spans(actor=actor, experiment_id=experiment.pk, spans=spans)
    rich = {
        "tags": {"mlflow.traceName": "answer", "team": "risk", "a b": "c"},
        "metadata": {"mlflow.sourceRun": run.pk, "mlflow.trace.session": "s1"},
        "assessments": (
            said("score", 0.7), said("good", True), said("word", "yes"), said("old", "no", valid=False),
            said("answer", "42", kind=AssessmentKind.EXPECTATION), said("counts", {"a": 1}),
        ),
    }  # fmt: skip
    record_info(
        actor=actor,
        info=new_info(experiment, trace_id=A, request_ms=30, duration_ms=10, client_request_id="r1", **rich),
    )
    poor: dict[str, Any] = {"tags": {"mlflow.traceName": "Ask", "team": "other"}, "state": "ERROR"}
    record_info(actor=actor, info=new_info(experiment, trace_id=B, request_ms=20, duration_ms=5, **poor))
    record_info(actor=actor, info=new_info(experiment, trace_id=C, request_ms=10, state="IN_PROGRESS"))
    link_traces_to_run(actor=actor, run_id=run.pk, trace_ids=[C])
    link_prompts(actor=actor, trace_id=B, prompts=[("greeting", 3)])


def found(experiment: Experiment, text: str = "", **asked: Any) -> str:
    rows, _ = search_traces(actor=READER, experiment_ids=[str(experiment.pk)], filter_string=text, **asked)
    return "".join(NAMES[row.pk] for row in rows)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "abc"),
        ("status = 'OK'", "a"),
        ("status = 'ok'", ""),
        ("attributes.status != 'OK'", "bc"),
        ("trace.status IN ('OK', 'IN_PROGRESS')", "ac"),
        ("attribute.status NOT IN ('OK')", "bc"),
        (f"request_id = '{B}'", "b"),
        ("request_id LIKE 'tr-a%'", "a"),
        ("client_request_id = 'r1'", "a"),
        ("client_request_id != 'x'", "a"),
        ("client_request_id RLIKE '^r[0-9]$'", "a"),
        ("name = 'answer'", "a"),
        ("name != 'answer'", "b"),
        ("name ILIKE 'a%'", "ab"),
        ("name LIKE 'a%'", "a"),
        ("name RLIKE '^[aA]'", "ab"),
        ("name IN ('Ask', 'nobody')", "b"),
        ("name NOT IN ('Ask')", "a"),
        ("tags.team = 'risk'", "a"),
        ("tag.team != 'risk'", "b"),
        ("tags.team IS NULL", "c"),
        ("tags.team IS NOT NULL", "ab"),
        ("tags.`a b` = 'c'", "a"),
        ("tags.`mlflow.traceName` = 'Ask'", "b"),
        ("metadata.`mlflow.trace.session` = 's1'", "a"),
        ("request_metadata.`mlflow.trace.session` IS NULL", "bc"),
        ("metadata.mlflow.trace.session RLIKE 's.'", "a"),
        ("prompt = 'greeting/3'", "b"),
        ("prompt = 'greeting/4'", ""),
        ("timestamp_ms > 10", "ab"),
        ("timestamp <= 20", "bc"),
        ("timestamp_ms = 20", "b"),
        ("execution_time_ms >= 10", "a"),
        ("execution_time < 10", "b"),
        ("end_time_ms = 40", "a"),
        ("end_time <= 10", "c"),
        ("trace.end_time_ms > 10.5", "ab"),
        ("span.name = 'root'", "ab"),
        ("span.name != 'root'", "a"),
        ("span.type = 'LLM'", "a"),
        ("span.type IN ('LLM', 'TOOL')", "a"),
        ("span.status = 'ERROR'", "b"),
        ("span.name = 'root' AND span.type = 'LLM'", ""),
        ("span.name RLIKE 'call.*' AND span.type = 'LLM'", "a"),
        ("span.attributes.model = 'gpt-9'", "a"),
        ("span.attributes.model != 'gpt-9'", "b"),
        ("span.attributes.model LIKE '%t-%'", "a"),
        ("span.attributes.model RLIKE 'gpt-[0-9]'", "a"),
        ("span.attributes.model IN ('gpt-9', 'other')", "ab"),
        ("span.attributes.n = '3'", "a"),
        ("span.attributes.ok = 'true'", "a"),
        ("span.attributes.f = '0.5'", "a"),
        ("span.attributes.`a b` = 'c'", "a"),
        ("span.attributes.mlflow.spanInputs LIKE '%Why%'", "a"),
        ("span.attributes.nosuch = 'x'", ""),
        ("span.content LIKE '%Why?%'", "a"),
        ("trace.text ILIKE '%why?%'", "a"),
        ("text LIKE '%ü%'", "a"),
        ("feedback.score = '0.7'", "a"),
        ("feedback.score > 0.5", "a"),
        ("feedback.score >= 0.71", ""),
        ("feedback.good = 'true'", "a"),
        ("feedback.good > 0", ""),
        ("feedback.word = 'yes'", "a"),
        ("feedback.word != 'yes'", ""),
        ("feedback.word LIKE 'y%'", "a"),
        ("feedback.word RLIKE '^yes$'", "a"),
        ("feedback.counts = '{\"a\":1}'", "a"),
        ("feedback.old = 'no'", ""),
        ("feedback.score IS NULL", "bc"),
        ("feedback.score IS NOT NULL", "a"),
        ("expectation.answer = '42'", "a"),
        ("feedback.answer = '42'", ""),
        ("status = 'OK' AND tags.team = 'risk' AND feedback.score > 0.1", "a"),
    ],
)
def test_a_filter_finds_what_it_says(experiment: Experiment, text: str, expected: str) -> None:
    assert found(experiment, text) == expected


def test_a_run_has_what_names_it_and_what_is_linked(experiment: Experiment) -> None:
    run = Trace.objects.get(pk=A).metadata.get(key="mlflow.sourceRun").value
    assert found(experiment, f"attribute.run_id = '{run}'") == "ac"
    assert found(experiment, f"metadata.`mlflow.sourceRun` = '{run}'") == "ac"
    assert found(experiment, f"run_id LIKE '{run[:8]}%'") == "a"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (["timestamp_ms ASC"], "cba"),
        (["timestamp DESC"], "abc"),
        (["execution_time_ms"], "bac"),
        (["execution_time DESC"], "abc"),
        (["end_time_ms"], "cba"),
        (["status"], "bca"),
        (["request_id DESC"], "cba"),
        (["name"], "bac"),
        (["name DESC"], "abc"),
        (["tags.team"], "bac"),
        (["metadata.`mlflow.trace.session`"], "abc"),
        (["run_id", "timestamp_ms"], "acb"),
        (["experiment_id", "request_id"], "abc"),
    ],
)
def test_an_order_sorts_and_puts_what_has_no_value_last(
    experiment: Experiment, order: list[str], expected: str
) -> None:
    assert found(experiment, order_by=order) == expected


@pytest.mark.parametrize(
    "text",
    [
        "status = 'OK' OR status = 'ERROR'",
        "NOT status = 'OK'",
        "state = 'OK'",
        f"trace_id = '{A}'",
        "request_time > 1",
        "status > 'OK'",
        "status = OK",
        "timestamp_ms = 'x'",
        "timestamp_ms LIKE '1'",
        "tags.team IN ('x')",
        "tags.team > '1'",
        "span.nosuch = 'x'",
        "span.content = 'x'",
        "span.attributes. = 'x'",
        "span.attributes.`a\"b` = 'x'",
        "span.attributes = 'x'",
        "feedback.score = 0.7",
        "feedback.score > '0.7'",
        "issue.id = 'x'",
        "prompt = 'x'",
        f"prompt = 'x/{'9' * 19}'",
        f"prompt = 'x/{'9' * 5000}'",
        "prompt LIKE 'x/1'",
        "name RLIKE '('",
        "name RLIKE '(a+)+'",
        "status =",
        "status",
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(experiment: Experiment, text: str) -> None:
    with pytest.raises(InvalidInput):
        found(experiment, text)


@pytest.mark.parametrize("order", ["nosuch", "status sideways", "span.name", "feedback.score", "text", ""])
def test_an_order_that_cannot_be_read_is_refused(experiment: Experiment, order: str) -> None:
    with pytest.raises(InvalidInput):
        found(experiment, order_by=[order])


def test_pages_follow_each_other(experiment: Experiment) -> None:
    seen, token = [], ""
    while True:
        rows, token = search_traces(actor=READER, experiment_ids=[str(experiment.pk)], max_results=2, page_token=token)
        seen += [NAMES[row.pk] for row in rows]
        if not token:
            break
    assert seen == ["a", "b", "c"]
    for wrong in ({"page_token": "x"}, {"max_results": 0}, {"max_results": 501}):
        with pytest.raises(InvalidInput):
            found(experiment, **wrong)


def test_experiments_bound_the_search(experiment: Experiment) -> None:
    assert search_traces(actor=READER, experiment_ids=[]) == ([], "")
    assert search_traces(actor=READER, experiment_ids=["0", "999999"]) == ([], "")
    with pytest.raises(InvalidInput):
        search_traces(actor=READER, experiment_ids=["many"])


def test_the_number_of_statements_does_not_grow(actor: Actor, experiment: Experiment) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            rows, _ = search_traces(
                actor=READER, experiment_ids=[str(experiment.pk)], filter_string="span.name LIKE '%o%'"
            )
            assert all([*row.tags.all(), *row.metadata.all()] for row in rows)
        return len(captured)

    before = cost()
    for number in range(10):
        pk = f"tr-{number:032x}"
        record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(1, trace=pk, name="root")])
    assert cost() == before == 4


def test_a_pattern_that_one_database_cannot_read_is_refused_by_it(experiment: Experiment) -> None:
    if connection.vendor == "sqlite":
        assert found(experiment, "name RLIKE 'A{1,300}'") == "b"
        return
    with transaction.atomic():
        with pytest.raises(InvalidInput, match="RLIKE"):
            found(experiment, "name RLIKE 'A{1,300}'")
        transaction.set_rollback(True)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=60)
    | st.builds(
        "{} {} {}".format,
        st.sampled_from(["status", "tags.a", "span.name", "span.attributes.x", "feedback.s", "timestamp_ms", "text"]),
        st.sampled_from(["=", "!=", "LIKE", "ILIKE", "RLIKE", "IN", ">", "IS NULL", "IS NOT NULL"]),
        st.text(max_size=20).map(lambda text: f"'{text}'") | st.sampled_from(["1", "('a','b')", "''", ""]),
    )
)
def test_any_text_is_a_filter_or_is_refused(experiment: Experiment, text: str) -> None:
    with contextlib.suppress(InvalidInput):
        found(experiment, text)
