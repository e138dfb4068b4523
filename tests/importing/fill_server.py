"""Run with a Python that has mlflow: fill the server at argv[1] with one of everything an import must bring,
print ids.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, LoggedModelOutput, Metric, Param, RunTag


def fill(url: str) -> dict[str, Any]:
    """Return the ids that the server gave."""
    mlflow.set_tracking_uri(url)
    client = MlflowClient(url)
    churn = client.create_experiment("churn", tags={"team": "growth"})
    gone = client.create_experiment("abandoned")
    run = client.create_run(
        churn, start_time=1_700_000_000_000, run_name="exp-1", tags={"dataset_version": "orders_v2.1"}
    )
    run_id = run.info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric("loss", 1.0 / (step + 1), 1_700_000_000_000 + step, step) for step in range(500)]
        + [Metric("odd", float("nan"), 1, 0), Metric("odd", float("inf"), 2, 1), Metric("odd", float("-inf"), 3, 2)],
        params=[Param("depth", "7"), Param("long", "x" * 5000)],
        tags=[RunTag("git_commit", "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"), RunTag("note", "ü ✓")],
    )
    dataset = Dataset("orders", "d1g35t", "local", '{"uri": "/data/orders"}', "{}", "{}")
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
    model = client.create_logged_model(
        churn, name="gbm", source_run_id=run_id, tags={"kind": "tree"}, params={"leaves": "31"}, model_type="classifier"
    )
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 3)])
    client.log_metric(run_id, "auc", 0.91, step=4, timestamp=1_700_000_000_900, model_id=model.model_id)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "MLmodel").write_text("flavors: {}\n", encoding="utf-8")
        (Path(folder) / "model.bin").write_bytes(bytes(range(256)) * 4096)
        client.log_model_artifacts(model.model_id, folder)
        client.log_artifacts(run_id, folder, "classic")
        client.log_text(run_id, "seen with our own eyes", "notes/read me.txt")
    client.finalize_logged_model(model.model_id, "READY")
    client.set_terminated(run_id, "FINISHED", end_time=1_700_000_009_000)
    deleted = client.create_run(churn, run_name="deleted").info.run_id
    client.log_inputs(deleted, models=[LoggedModelInput(model.model_id)])
    client.set_terminated(deleted, "FAILED")
    client.delete_run(deleted)
    lost = client.create_run(gone, run_name="in a deleted experiment").info.run_id
    client.delete_experiment(gone)
    register(client, run_id, model.model_id)
    return {
        "experiment": churn,
        "run": run_id,
        "deleted_run": deleted,
        "lost_run": lost,
        "logged_model": model.model_id,
    }


def register(client: MlflowClient, run_id: str, model_id: str) -> None:
    """Register five versions of a model (one deleted), two of them in Production, and a copy of one of them."""
    client.create_registered_model("fraud", tags={"owner": "risk"}, description="Finds *fraud*.")
    folder = f"{client.get_run(run_id).info.artifact_uri}/classic"
    client.create_model_version("fraud", folder, run_id, tags={"by": "hand"}, description="first")
    client.create_model_version("fraud", f"models:/{model_id}", run_id, model_id=model_id)
    client.create_model_version("fraud", folder, run_id)
    client.create_model_version("fraud", folder, run_id)
    client.create_model_version("fraud", folder, run_id)
    client.delete_model_version("fraud", "3")
    for version, stage in (("1", "Archived"), ("2", "Production"), ("4", "Production"), ("5", "Staging")):
        client.transition_model_version_stage("fraud", version, stage)
    client.set_registered_model_alias("fraud", "champion", "4")
    client.copy_model_version("models:/fraud/2", "fraud-eu")
    client.create_registered_model("elsewhere")
    client.create_model_version("elsewhere", "s3://bucket/models/1")
    mlflow.genai.register_prompt("greeting", "Hello {{name}}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(fill(sys.argv[1])) + "\n")
