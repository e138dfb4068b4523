"""The pages of traces: a list that is searched, a waterfall with all that its spans hold, a span by itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import Event
from console.shell.formatting import duration
from console.shell.links import page_url, ref_label
from console.traces.presenters import spans as presenter
from core.actors import Actor
from tests.console.conftest import SignedIn, text_of
from tests.traces.conftest import SECOND, TRACE, new_span
from traces.models import Assessment, AssessmentKind, Span, Trace
from traces.services.assessments import AssessmentData, create_assessment
from traces.services.infos import TraceInfo, record_info
from traces.services.links import link_prompts, link_traces_to_run
from traces.services.spans import record_spans
from tracking.services.runs import create_run

OTHER = "tr-" + "cd" * 16
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def page(ada: User, signed_in: SignedIn) -> Client:
    return signed_in(ada)


def send(actor: Actor, trace: str = TRACE, **fields: Any) -> None:
    """Send a trace of three spans: a root, a call that failed within it, and a step within the call."""
    failed = {"name": "exception", "time_unix_nano": SECOND + 3 * 10**9, "attributes": {
        "exception.message": {"string_value": "no answer"}}}  # fmt: skip
    spans = [
        new_span(1, trace=trace, name="root", end_ns=SECOND + 5 * 10**9, attributes={
            "mlflow.spanInputs": {"q": SCRIPT}, "mlflow.spanOutputs": "done", "model": "gpt-9"}),
        new_span(2, trace=trace, parent=1, name="call", status="ERROR", status_message="timed out", events=(failed,),
                 attributes={"mlflow.spanType": "LLM", "mlflow.chat.tokenUsage": {"total_tokens": 42}}),
        new_span(3, trace=trace, parent=2, name="step"),
    ]  # fmt: skip
    record_spans(actor=actor, experiment_id="0", spans=spans)
    given: dict[str, Any] = {
        "trace_id": trace,
        "experiment_id": "0",
        "request_ms": SECOND // 10**6,
        "state": "OK",
        "duration_ms": 4000,
    }
    record_info(
        actor=actor, info=TraceInfo(**(given | {"tags": {"mlflow.traceName": "answer", "team": "risk"}} | fields))
    )


def test_the_list_shows_each_trace(page: Client, by_ada: Actor) -> None:
    run = create_run(actor=by_ada, name="the run")
    send(by_ada, metadata={"mlflow.sourceRun": run.pk, "mlflow.trace.tokenUsage": '{"total_tokens": 77}'})
    for number in range(5):
        data = AssessmentData(kind=AssessmentKind.FEEDBACK, name=f"said {number}", value=number > 0)
        create_assessment(actor=by_ada, trace_id=TRACE, data=data)
    shown = text_of(page.get("/traces/"))
    for word in ("answer", "the run", "4.00 s", "77", "said 0: false", "and 2 more", f"/traces/{TRACE}/"):
        assert word in shown, word


def test_an_empty_list_says_how_to_begin(page: Client) -> None:
    assert "No traces yet" in text_of(page.get("/traces/"))
    assert "No trace matches" in text_of(page.get("/traces/", {"q": "nothing"}))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "gpt-9"}, True),
        ({"q": "gpt-8"}, False),
        ({"q": "it's"}, False),
        ({"q": "span.type = 'LLM'"}, True),
        ({"q": "tags.team IS NULL"}, False),
        ({"q": "name like 'ans%'"}, True),
        ({"experiment": "0"}, True),
        ({"order": "name"}, True),
        ({"run": "nosuch"}, False),
        ({"run": "o'clock"}, False),
    ],
)
def test_traces_are_searched(page: Client, by_ada: Actor, query: dict[str, str], found: bool) -> None:
    send(by_ada)
    assert (f"/traces/{TRACE}/" in text_of(page.get("/traces/", query))) is found


@pytest.mark.parametrize(
    "query", [{"q": "status ="}, {"q": "x = 'y'"}, {"experiment": "x"}, {"order": "what"}, {"token": "!"}]
)
def test_an_unreadable_filter_is_an_error_of_the_field(page: Client, query: dict[str, str]) -> None:
    answer = page.get("/traces/", query)
    assert answer.status_code == 400
    assert 'id="q-problem"' in text_of(answer)


def test_the_next_page_is_offered(page: Client, by_ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.traces.presenters.lists.PER_PAGE", 1)
    send(by_ada)
    send(by_ada, trace=OTHER)
    assert "Next traces" in text_of(page.get("/traces/"))


def test_more_traces_cost_no_more_queries(page: Client, by_ada: Actor) -> None:
    def cost(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert page.get(url).status_code == 200
        return len(captured)

    run = create_run(actor=by_ada)
    facts: dict[str, Any] = {"metadata": {"mlflow.sourceRun": run.pk}}
    send(by_ada, **facts)
    urls = ["/traces/", f"/runs/{run.pk}/", f"/traces/{TRACE}/"]
    before = [cost(url) for url in urls]
    for number in range(3):
        send(by_ada, trace=f"tr-{number:032x}", **facts)
    record_spans(actor=by_ada, experiment_id="0", spans=[new_span(number, parent=1) for number in range(4, 20)])
    assert [cost(url) for url in urls] == before


def test_a_trace_shows_its_spans_and_assessments(page: Client, by_ada: Actor) -> None:
    run = create_run(actor=by_ada, name="the run")
    send(by_ada, client_request_id="req-1", metadata={"mlflow.trace.session": "chat-1", "mlflow.trace.user": "u-1"})
    link_traces_to_run(actor=by_ada, run_id=run.pk, trace_ids=[TRACE])
    link_prompts(actor=by_ada, trace_id=TRACE, prompts=[("greeting", 3)])
    older = AssessmentData(kind=AssessmentKind.FEEDBACK, name="correct", value=True, source_type="LLM_JUDGE")
    old = create_assessment(actor=by_ada, trace_id=TRACE, data=older)
    for data in (
        AssessmentData(kind=AssessmentKind.FEEDBACK, name="correct", value=False, overrides=old.assessment_id),
        AssessmentData(kind=AssessmentKind.EXPECTATION, name="wanted", value="Paris", span_id=f"{2:016x}"),
        AssessmentData(kind=AssessmentKind.FEEDBACK, name="judged", error={"error_message": "judge timed out"}),
    ):
        create_assessment(actor=by_ada, trace_id=TRACE, data=data)
    shown = text_of(page.get(f"/traces/{TRACE}/"))
    for word in (
        "root", "call", "step", "timed out", "no answer", "level 3, under call", "42 tokens", "the run", "greeting v3",
        "req-1", "session chat-1", "user u-1", "Overridden", "Expected", "on call", "judge timed out", "LLM judge", "risk",
    ):  # fmt: skip
        assert word in shown, word
    assert SCRIPT not in shown
    assert "&lt;script&gt;" in shown


def test_a_trace_without_spans_shows_its_previews(page: Client, by_ada: Actor) -> None:
    info = TraceInfo(trace_id=TRACE, experiment_id="0", request_ms=0, state="IN_PROGRESS", request_preview="asked")
    record_info(actor=by_ada, info=info)
    shown = text_of(page.get(f"/traces/{TRACE}/"))
    assert "asked" in shown
    assert "No spans" in shown
    assert "In progress" in shown


def test_a_span_has_a_page_with_its_whole_content(page: Client, by_ada: Actor) -> None:
    record_spans(
        actor=by_ada,
        experiment_id="0",
        spans=[new_span(1, name="long", attributes={"mlflow.spanInputs": "x" * 5000, "k": "v" * 3000})],
    )
    url = f"/traces/{TRACE}/spans/{1:016x}/"
    whole, short = text_of(page.get(url)), text_of(page.get(f"/traces/{TRACE}/"))
    assert "x" * 5000 in whole
    assert "v" * 3000 in whole
    assert "x" * 5000 not in short
    assert "3000 more characters" in short
    assert url in short


@pytest.mark.parametrize("url", ["/traces/nosuch/", f"/traces/{TRACE}/spans/nosuch/", "/traces/nosuch/spans/x/"])
def test_a_missing_object_is_not_found(page: Client, by_ada: Actor, url: str) -> None:
    send(by_ada)
    assert page.get(url).status_code == 404


def test_a_run_shows_its_newest_traces(page: Client, by_ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create_run(actor=by_ada)
    assert "h-traces" not in text_of(page.get(f"/runs/{run.pk}/"))
    for trace in (TRACE, OTHER):
        send(by_ada, trace=trace, metadata={"mlflow.sourceRun": run.pk})
    monkeypatch.setattr("console.traces.presenters.lists.ON_RUN_PAGE", 1)
    shown = text_of(page.get(f"/runs/{run.pk}/"))
    assert f"/traces/?run={run.pk}" in shown
    assert "Show all 2" in shown
    assert f"/traces/{OTHER}/" in text_of(page.get("/traces/", {"run": run.pk}))


def test_spans_in_a_cycle_or_without_a_parent_are_shown_once(by_ada: Actor) -> None:
    spans = [new_span(1, parent=2), new_span(2, parent=1), new_span(3, parent=9)]
    record_spans(actor=by_ada, experiment_id="0", spans=spans)
    rows = presenter.waterfall_of(list(Span.objects.all())).rows
    assert sorted(row.span.span_id for row in rows) == [f"{number:016x}" for number in (1, 2, 3)]


def test_a_long_trace_is_cut_with_a_note(page: Client, by_ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presenter, "MAX_ROWS", 2)
    send(by_ada)
    assert "1 more span is not shown here" in text_of(page.get(f"/traces/{TRACE}/"))


def test_bars_stay_within_the_axis(by_ada: Actor) -> None:
    spans = [
        new_span(1, start_ns=SECOND, end_ns=SECOND + 100),
        new_span(2, parent=1, start_ns=SECOND + 100, end_ns=SECOND + 100),
        new_span(3, parent=1, start_ns=SECOND + 50, end_ns=None),
        new_span(4, parent=1, start_ns=SECOND + 60, end_ns=SECOND + 50),
    ]
    record_spans(actor=by_ada, experiment_id="0", spans=spans)
    for row in presenter.waterfall_of(list(Span.objects.all())).rows:
        assert 0 <= row.start <= row.start + row.width <= 100.001
    assert presenter.waterfall_of([]).rows == []


def test_a_reference_leads_to_its_page() -> None:
    assert page_url(f"trace:{TRACE}") == f"/traces/{TRACE}/"
    assert ref_label(f"trace:{TRACE}") == "trace abababab"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"), (0.00012, "120 µs"), (0.0021, "2.1 ms"), (0.183, "183 ms"), (2.4, "2.40 s"), (75, "1 min"),
    ],
)  # fmt: skip
def test_a_duration_has_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_unusual_metadata_do_not_break_the_page(page: Client, by_ada: Actor) -> None:
    send(by_ada, metadata={"mlflow.trace.tokenUsage": "[1]", "mlflow.sourceRun": "nosuch"})
    Trace.objects.update(request_ms=2**60)  # no calendar has it
    for url in ("/traces/", f"/traces/{TRACE}/", f"/traces/{TRACE}/spans/{1:016x}/"):
        assert page.get(url).status_code == 200


@pytest.mark.parametrize(
    ("typed", "value"),
    [("true", "true"), ("0.5", "0.5"), ("It answers.", '"It answers."'), ('{"a": [1]}', '{"a":[1]}'), ("NaN", '"NaN"')],
)
def test_a_person_assesses_a_trace(page: Client, by_ada: Actor, typed: str, value: str) -> None:
    send(by_ada)
    assert f"/traces/{TRACE}/assess/" in page.get(f"/traces/{TRACE}/").content.decode()
    form = {"kind": "feedback", "name": "correct", "value": typed, "rationale": "I asked."}
    assert page.post(f"/traces/{TRACE}/assess/", form).status_code == 302
    row = Assessment.objects.get()
    assert (row.name, row.value, row.source_type, row.source_id) == ("correct", value, "HUMAN", "ada")
    assert Event.objects.filter(action="traces.assessment.created").count() == 1
    assert "I asked." in text_of(page.get(f"/traces/{TRACE}/"))


@pytest.mark.parametrize("form", [{}, {"kind": "feedback", "name": "x"}, {"kind": "odd", "name": "x", "value": "1"}])
def test_an_empty_assessment_is_refused(page: Client, by_ada: Actor, form: dict[str, str]) -> None:
    send(by_ada)
    assert page.post(f"/traces/{TRACE}/assess/", form).status_code in {200, 400, 422}
    assert not Assessment.objects.exists()
    assert page.get("/traces/tr-none/assess/").status_code == 404
