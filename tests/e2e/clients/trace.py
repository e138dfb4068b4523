"""Traces are not kept here: what is traced runs all the same, and who asks for traces is told so plainly."""

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

mlflow.set_experiment("clients-traces")


@mlflow.trace
def add(a: int, b: int) -> int:
    return a + b


with mlflow.start_run() as run:
    assert add(1, 2) == 3
    mlflow.log_metric("after", 1.0)
mlflow.flush_trace_async_logging()
assert mlflow.get_run(run.info.run_id).data.metrics == {"after": 1.0}
try:
    MlflowClient().search_traces(locations=[run.info.experiment_id])
except MlflowException as error:
    assert error.error_code == "ENDPOINT_NOT_FOUND", error.error_code
else:
    raise AssertionError("traces were found")
