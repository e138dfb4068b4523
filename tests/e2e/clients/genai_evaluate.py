"""mlflow.genai.evaluate with scorers of one's own: traces, assessments and metrics of one run; and what is not here."""

import mlflow
from mlflow.entities import Feedback
from mlflow.exceptions import MlflowException
from mlflow.genai.scorers import scorer

mlflow.set_experiment("clients-genai")


@mlflow.trace
def predict(question: str) -> str:
    return question.upper()


@scorer
def exact(outputs, expectations) -> bool:
    return outputs == expectations["expected_response"]


@scorer
def length(outputs) -> Feedback:
    return Feedback(value=len(outputs), rationale="counted")


rows = [
    {"inputs": {"question": "a"}, "expectations": {"expected_response": "A"}},
    {"inputs": {"question": "bb"}, "expectations": {"expected_response": "x"}},
]
result = mlflow.genai.evaluate(data=rows, predict_fn=predict, scorers=[exact, length])
assert (result.metrics["exact/mean"], result.metrics["length/mean"]) == (0.5, 1.5), result.metrics
assert sorted(result.result_df["exact/value"]) == [False, True]
traces = mlflow.search_traces(run_id=result.run_id, return_type="list")
assert len(traces) == 2
assert {one.name for trace in traces for one in trace.info.assessments} == {"exact", "length", "expected_response"}
assert mlflow.get_run(result.run_id).data.metrics["exact/mean"] == 0.5

for ask in (
    lambda: mlflow.genai.datasets.create_dataset(name="d"),
    mlflow.genai.list_scorers,
    lambda: exact.register(name="exact"),
):
    try:
        ask()
    except MlflowException as error:
        assert "not supported by this server" in str(error), error
    else:
        raise AssertionError("it answered")
