"""Runs every training of the demonstration and stores what the MLflow client logged, so that it can be replayed.

Run it by hand, from the root of a checkout, in an environment with mlflow-skinny 3.17.2, scikit-learn, pandas and
matplotlib:

    python -m demo.record

The trainings log to a temporary local store. This module reads the store through the client and writes
`demo/recordings/`: one JSON file for each experiment, and the files of each run as the client wrote them.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ |= {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}

import mlflow
from mlflow.entities import Run
from mlflow.entities.logged_model import LoggedModel

from demo.plan import all_trainings
from demo.trainings import Training, run_training

RECORDINGS = Path(__file__).parent / "recordings"
FORMAT = 1
# The placeholders for the ids of the run and the logged model in model files; a replay uses those of its server.
RUN_MARK, MODEL_MARK, LOCATION_MARK = "@RUN_ID@", "@MODEL_ID@", "@LOCATION@"
# Large pictures of the estimator, of no use to a reader.
LEFT_OUT = {"estimator.html"}


def main() -> None:
    """Record all trainings anew."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="mlflow|sklearn")
    shutil.rmtree(RECORDINGS, ignore_errors=True)
    jobs = all_trainings()
    with tempfile.TemporaryDirectory() as scratch:
        mlflow.set_tracking_uri(Path(scratch).as_uri())
        recorded = [(job, record_run(job, run_training(job))) for job in jobs]
    for experiment in dict.fromkeys(job.experiment for job in jobs):
        runs = [run for job, run in recorded if job.experiment == experiment]
        body = {"format": FORMAT, "experiment": experiment, "runs": runs}
        (RECORDINGS / f"{experiment}.json").write_text(
            json.dumps(body, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )


def record_run(job: Training, run_id: str) -> dict[str, Any]:
    """Return one run as JSON, after copying its files beside it."""
    client = mlflow.MlflowClient()
    run = client.get_run(run_id)
    folder = RECORDINGS / job.experiment / job.name
    body = {
        "name": job.name,
        "author": job.author,
        "params": run.data.params,
        "tags": {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")},
        "metrics": _curves(client, run),
        "datasets": [_dataset(item) for item in run.inputs.dataset_inputs],
        "files": _copy(Path(client.download_artifacts(run_id, "")), folder / "artifacts", {}),
        "models": [_model(client.get_logged_model(out.model_id), folder) for out in run.outputs.model_outputs],
    }
    last = {key: points[-1][1] for key, points in body["metrics"].items()}
    sys.stdout.write(f"{job.experiment}/{job.name}: {last}\n")
    return body


def _curves(client: mlflow.MlflowClient, run: Run) -> dict[str, list[tuple[int, float]]]:
    """Return the points (step, value) of every metric."""
    histories = {key: client.get_metric_history(run.info.run_id, key) for key in sorted(run.data.metrics)}
    return {key: [(point.step, point.value) for point in history] for key, history in histories.items()}


def _dataset(item: Any) -> dict[str, str]:
    dataset = item.dataset
    context = next(tag.value for tag in item.tags if tag.key == "mlflow.data.context")
    return {**dict(dataset), "context": context}


def _model(model: LoggedModel, folder: Path) -> dict[str, Any]:
    files = Path(model.artifact_location.removeprefix("file://"))
    marks = {model.artifact_location: LOCATION_MARK, model.model_id: MODEL_MARK, str(model.source_run_id): RUN_MARK}
    return {
        "name": model.name,
        "model_type": model.model_type or "",
        "params": dict(model.params),
        "files": _copy(files, folder / "models" / model.name, marks),
    }


def _copy(source: Path, target: Path, marks: Mapping[str, str]) -> list[str]:
    """Copy a folder with the ids in MLmodel replaced by marks; return the relative paths of its files."""
    names = sorted(
        str(path.relative_to(source)) for path in source.rglob("*") if path.is_file() and path.name not in LEFT_OUT
    )
    for name in names:
        content = (source / name).read_bytes()
        if name == "MLmodel":
            for original, mark in marks.items():
                content = content.replace(original.encode(), mark.encode())
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)
    return names


if __name__ == "__main__":
    main()
