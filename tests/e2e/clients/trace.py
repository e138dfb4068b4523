"""Traces as people make them: decorated functions, spans by hand, errors, tags, runs, searching, assessments,
deletion.
"""

import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Expectation, SpanType
from mlflow.exceptions import MlflowException

client = MlflowClient()
experiment = mlflow.set_experiment("clients-traces").experiment_id


@mlflow.trace(span_type=SpanType.TOOL)
def add(a: int, b: int) -> int:
    return a + b


@mlflow.trace(span_type=SpanType.CHAIN, attributes={"model": "gpt-9", "temperature": 0.5})
def answer(question: str) -> dict:
    mlflow.update_current_trace(
        tags={"team": "risk"}, metadata={"mlflow.trace.session": "s1"}, client_request_id="req-1"
    )
    with mlflow.start_span("call", span_type="LLM") as span:
        span.set_inputs({"messages": [{"role": "user", "content": question}]})
        span.set_outputs({"choices": [{"message": {"role": "assistant", "content": "ünïcode"}}]})
    return {"answer": question.upper(), "sum": add(1, 2)}


@mlflow.trace
def fail() -> None:
    raise ValueError("boom")


with mlflow.start_run() as run:
    answer("why")
    good = mlflow.get_last_active_trace_id()
    try:
        fail()
    except ValueError:
        bad = mlflow.get_last_active_trace_id()
mlflow.flush_trace_async_logging()

trace = mlflow.get_trace(good)
assert (trace.info.state, trace.info.client_request_id, trace.info.tags["team"]) == ("OK", "req-1", "risk"), trace.info
assert [span.name for span in trace.data.spans] == ["answer", "call", "add"]
root, call, tool = trace.data.spans
assert (root.inputs, root.outputs) == ({"question": "why"}, {"answer": "WHY", "sum": 3})
assert (root.attributes["model"], root.attributes["temperature"], tool.span_type) == ("gpt-9", 0.5, "TOOL")
assert call.parent_id == root.span_id
assert call.outputs["choices"][0]["message"]["content"] == "ünïcode"
failed = mlflow.get_trace(bad)
assert (failed.info.state, failed.data.spans[0].events[0].attributes["exception.message"]) == ("ERROR", "boom")

# searching
assert [found.info.trace_id for found in mlflow.search_traces(run_id=run.info.run_id, return_type="list")] == [
    bad,
    good,
]
for text in (
    "status = 'OK'",
    "name = 'answer'",
    "tags.team = 'risk'",
    "metadata.`mlflow.trace.session` = 's1'",
    "span.type = 'LLM'",
    "span.attributes.model LIKE '%gpt%'",
    "trace.text LIKE '%ünïcode%'",
    f"run_id = '{run.info.run_id}' AND status != 'ERROR'",
):
    (found,) = client.search_traces(locations=[experiment], filter_string=text)
    assert (found.info.trace_id, len(found.data.spans)) == (good, 3), text
frame = mlflow.search_traces(locations=[experiment], order_by=["timestamp_ms ASC"])
assert frame["trace_id"].tolist() == [good, bad]
page = client.search_traces(locations=[experiment], max_results=1)
assert [found.info.trace_id for found in page] == [bad]
assert [found.info.trace_id for found in client.search_traces(locations=[experiment], page_token=page.token)] == [good]

# assessments
person = AssessmentSource("HUMAN", "ada")
said = mlflow.log_feedback(trace_id=good, name="correct", value=True, rationale="it is", source=person)
expected = mlflow.log_expectation(trace_id=good, name="answer", value={"parts": [1, 2]}, source=person)
mlflow.override_feedback(trace_id=good, assessment_id=said.assessment_id, value=False)
mlflow.update_assessment(good, expected.assessment_id, Expectation(name="answer", value="WHY"))
kept = {(one.name, one.value, one.valid) for one in mlflow.get_trace(good).info.assessments}
assert kept == {("correct", True, False), ("correct", False, True), ("answer", "WHY", None)}, kept
mlflow.delete_assessment(good, expected.assessment_id)
assert len(client.search_traces(locations=[experiment], filter_string="feedback.correct = 'false'")) == 1
assert not client.search_traces(locations=[experiment], filter_string="expectation.answer = 'WHY'")

# tags, and spans without a decorator
client.set_trace_tag(good, "reviewed", "yes")
client.delete_trace_tag(good, "team")
assert "team" not in mlflow.get_trace(good).info.tags
root = client.start_trace("by hand", inputs={"x": 1}, tags={"made": "by hand"}, experiment_id=experiment)
child = client.start_span("child", trace_id=root.trace_id, parent_id=root.span_id, inputs=[1, 2])
client.end_span(trace_id=root.trace_id, span_id=child.span_id, outputs="o")
client.end_trace(root.trace_id, outputs={"y": 2})
mlflow.flush_trace_async_logging()
assert [(span.name, span.outputs) for span in client.get_trace(root.trace_id).data.spans] == [
    ("by hand", {"y": 2}),
    ("child", "o"),
]

# deletion
assert client.delete_traces(experiment, trace_ids=[bad]) == 1
assert client.delete_traces(experiment, max_timestamp_millis=2**40 * 4) == 2
try:
    client.get_trace(good)
except MlflowException as error:
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error.error_code
else:
    raise AssertionError("a deleted trace was found")
