"""Replays recorded trainings through the MLflow protocol, as the recorded client logged them.

Every step first asks the server what it has. A load that failed therefore continues where it stopped, and another one
changes nothing. A run is recognised by its tag `recording`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.client import MLFLOW, Client, Refused

RECORDINGS = Path(__file__).parent / "recordings"
TAG = "recording"
NOTE = "A real training, recorded with mlflow 3.17.2 and scikit-learn (demo/record.py) and replayed here."
_BATCH = 1000  # the most metrics of one call of the protocol

WriteLine = Callable[[str], None]


@dataclass(frozen=True)
class LoggedRun:
    """A run on the server. ``model_id`` and ``source`` are empty where it has no model."""

    run_id: str
    model_id: str = ""

    @property
    def source(self) -> str:
        """The URI from which a version of the model is registered."""
        return f"models:/{self.model_id}" if self.model_id else ""


def replay_all(clients: Mapping[str, Client], *, write_line: WriteLine) -> dict[str, LoggedRun]:
    """Log every recorded run as its author; return the runs by "experiment/name". Raises Refused, ConnectionError."""
    logged = {}
    for path in sorted(RECORDINGS.glob("*.json")):
        recording = json.loads(path.read_text(encoding="utf-8"))
        for run in recording["runs"]:
            key = f"{recording['experiment']}/{run['name']}"
            write_line(
                f"{key}: {sum(map(len, run['metrics'].values()))} points, {len(run['models'])} models, by {run['author']}"
            )
            logged[key] = RunReplay(clients[run["author"]], recording["experiment"], run).log()
    return logged


class RunReplay:
    """Logs one recorded run to the server."""

    def __init__(self, client: Client, experiment: str, run: Mapping[str, Any]) -> None:
        self.client = client
        self.experiment = experiment
        self.run = run
        self.key = f"{experiment}/{run['name']}"
        self.folder = RECORDINGS / experiment / str(run["name"])

    def log(self) -> LoggedRun:
        """Log the parts of a run that the server lacks; return the run. Raises Refused, ConnectionError."""
        experiment_id = ensure_experiment(self.client, self.experiment)
        run = self._find(experiment_id) or self._create(experiment_id)
        run_id, finished = run["info"]["run_id"], run["info"]["status"] == "FINISHED"
        if not finished:
            self._log_figures(run_id, run["data"])
            self._log_inputs(run_id)
            for name in self.run["files"]:
                self.client.put_file(
                    key_of(run["info"]["artifact_uri"], name), (self.folder / "artifacts" / name).read_bytes()
                )
        models = [self._log_model(experiment_id, run_id, model) for model in self.run["models"]]
        if not finished:
            self._post("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": now_ms()})
        return LoggedRun(run_id, models[0] if models else "")

    def _find(self, experiment_id: str) -> dict[str, Any] | None:
        body = {"experiment_ids": [experiment_id], "filter": f"tags.{TAG} = '{self.key}'", "max_results": 1}
        return next(iter(self._post("runs/search", body).get("runs", [])), None)

    def _create(self, experiment_id: str) -> dict[str, Any]:
        tags = {
            TAG: self.key,
            "mlflow.note.content": NOTE,
            "mlflow.source.name": "demo/trainings.py",
            **self.run["tags"],
        }
        body = {
            "experiment_id": experiment_id,
            "run_name": self.run["name"],
            "user_id": self.run["author"],
            "start_time": now_ms(),
            "tags": pairs({**tags, "mlflow.user": self.run["author"]}),
        }
        run: dict[str, Any] = self._post("runs/create", body)["run"]
        return {**run, "data": {}}

    def _log_figures(self, run_id: str, data: Mapping[str, Any]) -> None:
        """Log the parameters, and the curves that the run does not have.

        A curve is logged in one call, so none is incomplete.
        """
        logged = {metric["key"] for metric in data.get("metrics", [])}
        curves = {key: points for key, points in self.run["metrics"].items() if key not in logged}
        self._post("runs/log-batch", {"run_id": run_id, "params": pairs(self.run["params"])})
        for batch in batches(curves):
            self._post("runs/log-batch", {"run_id": run_id, "metrics": batch})

    def _log_inputs(self, run_id: str) -> None:
        datasets = [
            {
                "tags": [{"key": "mlflow.data.context", "value": item["context"]}],
                "dataset": {key: value for key, value in item.items() if key != "context"},
            }
            for item in self.run["datasets"]
        ]
        self._post("runs/log-inputs", {"run_id": run_id, "datasets": datasets})

    def _log_model(self, experiment_id: str, run_id: str, model: Mapping[str, Any]) -> str:
        """Log a model and its files; return its id."""
        info = self._find_model(experiment_id, run_id, model["name"]) or self._create_model(
            experiment_id, run_id, model
        )
        model_id = str(info["model_id"])
        if info.get("status") != "LOGGED_MODEL_READY":
            self._post("runs/outputs", {"run_id": run_id, "models": [{"model_id": model_id, "step": 0}]})
            ids = {"@RUN_ID@": run_id, "@MODEL_ID@": model_id, "@LOCATION@": info["artifact_uri"]}
            for name in model["files"]:
                self.client.put_file(key_of(info["artifact_uri"], name), self._model_file(model["name"], name, ids))
            done = {"model_id": model_id, "status": "LOGGED_MODEL_READY"}
            self.client.patch(f"{MLFLOW}logged-models/{model_id}", done)
        return model_id

    def _find_model(self, experiment_id: str, run_id: str, name: str) -> dict[str, Any] | None:
        body = {"experiment_ids": [experiment_id], "filter": f"source_run_id = '{run_id}' AND name = '{name}'"}
        model = next(iter(self._post("logged-models/search", body).get("models", [])), None)
        return model["info"] if model else None

    def _create_model(self, experiment_id: str, run_id: str, model: Mapping[str, Any]) -> dict[str, Any]:
        body = {
            "experiment_id": experiment_id,
            "name": model["name"],
            "model_type": model["model_type"],
            "source_run_id": run_id,
            "params": pairs(model["params"]),
        }
        info: dict[str, Any] = self._post("logged-models", body)["model"]["info"]
        return info

    def _model_file(self, model: str, name: str, ids: Mapping[str, str]) -> bytes:
        """Return a file of the model; in MLmodel the marks are replaced by the ids on this server."""
        content = (self.folder / "models" / model / name).read_bytes()
        if name == "MLmodel":
            for mark, value in ids.items():
                content = content.replace(mark.encode(), value.encode())
        return content

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.client.post(MLFLOW + path, body)


def ensure_experiment(client: Client, name: str) -> str:
    """Return the id of an experiment, which is created where it is missing. Raises Refused."""
    try:
        return str(
            client.get(MLFLOW + "experiments/get-by-name", {"experiment_name": name})["experiment"]["experiment_id"]
        )
    except Refused as error:
        if error.status != 404:  # noqa: PLR2004 - not found
            raise
    return str(client.post(MLFLOW + "experiments/create", {"name": name})["experiment_id"])


def batches(curves: Mapping[str, list[list[float]]]) -> Iterator[list[dict[str, Any]]]:
    """Yield batches of whole curves as metrics of the protocol, each batch small enough for one call."""
    batch: list[dict[str, Any]] = []
    for key, points in curves.items():
        if len(batch) + len(points) > _BATCH:
            yield batch
            batch = []
        batch += [{"key": key, "step": int(step), "value": value, "timestamp": now_ms()} for step, value in points]
    if batch:
        yield batch


def pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return a mapping as the list of keys and values of the protocol."""
    return [{"key": key, "value": value} for key, value in values.items()]


def key_of(uri: str, name: str) -> str:
    """Return the path of a file of a folder at the artifact proxy."""
    return f"{uri.removeprefix('mlflow-artifacts:').lstrip('/')}/{name}"


def now_ms() -> int:
    """Return the present time in milliseconds since 1970."""
    return int(time.time() * 1000)
