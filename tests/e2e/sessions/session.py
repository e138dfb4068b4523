"""A working day with an MLflow client, from 2.9 to 3.18: `MLFLOW_TRACKING_URI=… python session.py`.

It is recorded against a real server (record.py), and its requests are replayed against Custody
(tests/mlflow_api/wire/test_recorded_sessions.py).
"""

import time
from collections.abc import Callable

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType

MAJOR = int(mlflow.__version__.split(".")[0])
client = MlflowClient()


def track() -> str:
    """Log runs as training scripts do, search for them, and return the id of one with a model folder."""
    mlflow.set_experiment("session")
    experiment = client.get_experiment_by_name("session")
    client.set_experiment_tag(experiment.experiment_id, "team", "risk")
    with mlflow.start_run(run_name="parent", description="of two", tags={"git_commit": "abc"}) as parent:
        mlflow.log_param("lr", 0.1)
        mlflow.log_params({"layers": [1, 2], "name": "ünïcode", "a/b: c.d-e": "5"})
        mlflow.log_metrics({"auc": 0.9, "loss": float("nan"), "best": float("inf")}, step=1)
        for step in range(3):
            mlflow.log_metric("curve", step / 10, step=step)
        mlflow.set_tags({"stage": "first", "empty": ""})
        mlflow.log_dict({"a": [1]}, "model/MLmodel.json")
        mlflow.log_text("hello\n", "model/notes.txt")
        mlflow.log_text("50%\n", "notes/50 off.txt")
        with mlflow.start_run(run_name="child", nested=True):
            mlflow.log_metric("inner", 1.0)
    run_id: str = parent.info.run_id
    now = 1_700_000_000_000
    metrics = [Metric("batch", number, now + number, number) for number in range(5)]
    client.log_batch(run_id, metrics, [Param("momentum", "0.9")], [RunTag("why", "batch")])
    dataset = Dataset(
        "orders", "d1gest", "code", '{"url": "https://example.org/orders.csv"}', schema="{}", profile="{}"
    )
    client._tracking_client.store.log_inputs(
        run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
    )
    client.delete_tag(run_id, "empty")
    client.get_run(run_id)
    client.get_metric_history(run_id, "curve")
    client.list_artifacts(run_id)
    client.list_artifacts(run_id, "model")
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/model/notes.txt") == "hello\n"
    return run_id


def search(run_id: str) -> None:
    """Ask for runs and experiments in many ways, delete and restore."""
    experiment = client.get_experiment_by_name("session").experiment_id
    for text in ("metrics.auc > 0.5", "params.lr = '0.1'", "tags.stage LIKE 'fi%'", "tags.why != 'x'", "attributes.status = 'FINISHED'",
                 "metrics.inner = 1", "run_name ILIKE 'CH%'", "params.name = 'nobody'"):  # fmt: skip
        client.search_runs([experiment], text, order_by=["attributes.run_name ASC"])
    page = client.search_runs([experiment], max_results=1, order_by=["attributes.run_name DESC"])
    client.search_runs([experiment], max_results=1, order_by=["attributes.run_name DESC"], page_token=page.token)
    client.search_experiments(filter_string="name LIKE 'ses%'", order_by=["name ASC"])
    client.search_experiments(filter_string="tags.team = 'risk'")
    other = client.create_run(experiment, start_time=1_700_000_000_000, run_name="to delete")
    client.update_run(other.info.run_id, status="KILLED", name="deleted")
    client.set_terminated(other.info.run_id, "FAILED", end_time=1_700_000_001_000)
    client.delete_run(other.info.run_id)
    client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)
    client.restore_run(other.info.run_id)
    number = client.create_experiment("short-lived", tags={"a": "b"})
    client.rename_experiment(number, "renamed")
    client.delete_experiment(number)
    client.restore_experiment(number)
    refused(lambda: client.get_run("0" * 32))
    refused(lambda: client.log_param(run_id, "lr", "0.2"))
    refused(lambda: client.log_param(run_id, "top (k)", "5"))
    refused(lambda: client.search_runs([experiment], "metrics.auc >> 1"))
    refused(lambda: client.create_experiment("session"))


def register(run_id: str) -> None:
    """Register versions, move them, alias them, search and delete."""
    client.create_registered_model("fraud", tags={"tier": "high"}, description="Fraud scores")
    uri = client.get_run(run_id).info.artifact_uri
    for _ in range(2):
        client.create_model_version("fraud", f"{uri}/model", run_id, tags={"auc": "0.9"}, description="a version")
    client.get_model_version("fraud", "1")
    client.get_model_version_download_uri("fraud", "1")
    client.set_model_version_tag("fraud", "1", "reviewed", "yes")
    client.delete_model_version_tag("fraud", "1", "auc")
    client.set_registered_model_tag("fraud", "owner", "ada")
    client.update_registered_model("fraud", description="Scores of fraud")
    client.update_model_version("fraud", "2", description="the second")
    client.transition_model_version_stage("fraud", "1", "Staging")
    client.transition_model_version_stage("fraud", "2", "Staging", archive_existing_versions=True)
    client.get_latest_versions("fraud", stages=["Staging"])
    client.set_registered_model_alias("fraud", "champion", "2")
    client.get_model_version_by_alias("fraud", "champion")
    client.get_registered_model("fraud")
    client.search_registered_models("name LIKE 'fr%'", order_by=["name ASC"])
    client.search_model_versions("name = 'fraud'", order_by=["version_number ASC"])
    client.search_model_versions(f"run_id = '{run_id}'", order_by=["version_number ASC"])
    client.delete_registered_model_alias("fraud", "champion")
    client.delete_model_version("fraud", "1")
    refused(lambda: client.get_model_version("fraud", "1"))
    refused(lambda: client.create_registered_model("fraud"))
    refused(lambda: client.transition_model_version_stage("fraud", "2", "Nowhere"))
    client.rename_registered_model("fraud", "fraud-scores")
    client.delete_registered_model_tag("fraud-scores", "owner")
    client.delete_registered_model("fraud-scores")
    refused(lambda: client.get_registered_model("fraud-scores"))


def log_models() -> None:
    """Keep a logged model and a trace, as clients of MLflow 3 do."""
    experiment = client.get_experiment_by_name("session").experiment_id
    made = client.create_logged_model(experiment, name="scorer", params={"top@k": "1"}, tags={"a": "b"})
    client.finalize_logged_model(made.model_id, "READY")
    client.set_logged_model_tags(made.model_id, {"c": "d"})
    client.delete_logged_model_tag(made.model_id, "c")
    client.get_logged_model(made.model_id)
    client.search_logged_models([experiment], filter_string="name = 'scorer'")
    with mlflow.start_span("ask") as span:
        span.set_inputs({"question": "why?"})
        span.set_outputs({"answer": "because"})
    mlflow.flush_trace_async_logging() if hasattr(mlflow, "flush_trace_async_logging") else time.sleep(2)
    client.delete_logged_model(made.model_id)


def refused(call: Callable[[], object]) -> None:
    """Make a call that the server refuses."""
    try:
        call()
    except mlflow.exceptions.MlflowException:
        return
    raise AssertionError("this was not refused")


run = track()
search(run)
register(run)
if MAJOR > 2:
    log_models()
