"""An mlflow database on SQLite and the folder of its artifacts, made row by row: `tests/importing/mlflow_3_17.sql`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

SCHEMA = Path(__file__).with_name("mlflow_3_17.sql")
RUN = "9b9b6dcb7d1740f9879e33c192ebbc75"
DELETED_RUN = "7fff270e530a463b80ff257029f41217"
LOGGED_MODEL = "m-b8bea0b2b74949d3b84ca633df579bf8"
BEGAN = 1_700_000_000_000


class OldDatabase:
    """``add("runs", run_uuid=…)`` inserts a row; ``uri`` and ``artifacts`` are what the command is given."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mlflow.db"
        self.uri = f"sqlite:///{self.path}"
        self.artifacts = folder / "mlartifacts"
        self.artifacts.mkdir()
        self._connection = sqlite3.connect(self.path)
        self._connection.executescript(SCHEMA.read_text(encoding="utf-8"))

    def add(self, table: str, **row: object) -> None:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))  # noqa: S608 - our own words; values are bound
        self._connection.commit()

    def change(self, sql: str) -> None:
        self._connection.execute(sql)
        self._connection.commit()

    def experiment(self, number: int, name: str, **more: object) -> None:
        row = {"lifecycle_stage": "active", "creation_time": BEGAN, "last_update_time": BEGAN + 1, **more}
        self.add("experiments", experiment_id=number, name=name, artifact_location=f"mlflow-artifacts:/{number}", **row)

    def run(self, run_id: str, experiment: int = 1, **more: object) -> None:
        row = {
            "name": f"run {run_id[:4]}",
            "user_id": "ada",
            "status": "FINISHED",
            "start_time": BEGAN,
            "end_time": BEGAN + 9000,
            "lifecycle_stage": "active",
            "artifact_uri": f"mlflow-artifacts:/{experiment}/{run_id}/artifacts",
            **more,
        }
        self.add("runs", run_uuid=run_id, experiment_id=experiment, **row)

    def metric(self, key: str, value: float, step: int, run_id: str = RUN, **more: object) -> None:
        row = {"is_nan": False, "timestamp": BEGAN + step, **more}
        self.add("metrics", run_uuid=run_id, key=key, value=value, step=step, **row)

    def model(self, name: str, **more: object) -> None:
        self.add("registered_models", name=name, creation_time=BEGAN, last_updated_time=BEGAN + 5, **more)

    def version(self, name: str, number: int, stage: str = "None", **more: object) -> None:
        row = {
            "creation_time": BEGAN + number,
            "last_updated_time": BEGAN + 10 * number,
            "source": f"mlflow-artifacts:/1/{RUN}/artifacts/classic",
            "run_id": RUN,
            **more,
        }
        self.add("model_versions", name=name, version=number, current_stage=stage, status="READY", **row)

    def file(self, path: str, content: bytes) -> None:
        place = self.artifacts / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def fill(old: OldDatabase) -> OldDatabase:
    """Put one of everything into a database: an experiment with a run, a logged model, a registered model in use."""
    old.experiment(0, "Default")
    old.experiment(1, "churn")
    old.add("experiment_tags", experiment_id=1, key="team", value="growth")
    old.experiment(2, "abandoned", lifecycle_stage="deleted")
    old.run(RUN)
    old.run(DELETED_RUN, lifecycle_stage="deleted", status="FAILED", user_id="unknown")
    old.add("params", run_uuid=RUN, key="depth", value="7")
    old.add("tags", run_uuid=RUN, key="dataset_version", value="orders_v2.1")
    old.add("tags", run_uuid=RUN, key="git_commit", value="0a1b2c3d4e5f60718293a4b5c6d7e8f901234567")
    for step in range(3):
        old.metric("loss", 1 / (step + 1), step)
    old.metric("odd", 0.0, 0, is_nan=True)
    old.metric("auc", 0.91, 4)
    _datasets(old)
    _logged_model(old)
    _registry(old)
    return old


def _datasets(old: OldDatabase) -> None:
    old.add(
        "datasets",
        dataset_uuid="d1",
        experiment_id=1,
        name="orders",
        digest="d1g35t",
        dataset_source_type="local",
        dataset_source="{}",
    )
    link = {"source_type": "DATASET", "source_id": "d1", "destination_type": "RUN", "destination_id": RUN}
    old.add("inputs", input_uuid="i1", **link)
    old.add("input_tags", input_uuid="i1", name="mlflow.data.context", value="training")


def _logged_model(old: OldDatabase) -> None:
    old.add(
        "logged_models",
        model_id=LOGGED_MODEL,
        experiment_id=1,
        name="gbm",
        artifact_location=f"mlflow-artifacts:/1/models/{LOGGED_MODEL}/artifacts",
        creation_timestamp_ms=BEGAN,
        last_updated_timestamp_ms=BEGAN + 2,
        status=2,
        lifecycle_stage="active",
        model_type="classifier",
        source_run_id=RUN,
    )
    old.add("logged_model_params", model_id=LOGGED_MODEL, experiment_id=1, param_key="leaves", param_value="31")
    old.add("logged_model_tags", model_id=LOGGED_MODEL, experiment_id=1, tag_key="kind", tag_value="tree")
    old.add(
        "logged_model_metrics",
        model_id=LOGGED_MODEL,
        metric_name="auc",
        metric_timestamp_ms=BEGAN + 4,
        metric_step=4,
        metric_value=0.91,
        experiment_id=1,
        run_id=RUN,
    )
    for run, kind, step in ((RUN, "OUTPUT", 3), (DELETED_RUN, "INPUT", 0)):
        ends = {"source_id": run, "destination_type": f"MODEL_{kind}", "destination_id": LOGGED_MODEL}
        old.add("inputs", input_uuid=f"i{step}", source_type=f"RUN_{kind}", step=step, **ends)


def _registry(old: OldDatabase) -> None:
    old.file(f"1/{RUN}/artifacts/classic/MLmodel", b"flavors: {}\n")
    old.file(f"1/{RUN}/artifacts/classic/model.bin", bytes(range(256)))
    old.file(f"1/{RUN}/artifacts/notes/read me.txt", b"seen")
    old.file(f"1/models/{LOGGED_MODEL}/artifacts/MLmodel", b"flavors: {}\n")
    old.model("fraud", description="Finds *fraud*.")
    old.add("registered_model_tags", name="fraud", key="owner", value="risk")
    old.version("fraud", 1, "Archived", description="first", user_id="ada")
    old.add("model_version_tags", name="fraud", version=1, key="by", value="hand")
    old.version("fraud", 2, "Production", source=f"models:/{LOGGED_MODEL}")
    old.version("fraud", 3, "Deleted_Internal")
    old.version("fraud", 4, "Production")
    old.version("fraud", 5, "Staging")
    old.version("fraud", 6, "Deleted_Internal")
    old.add("registered_model_aliases", name="fraud", alias="champion", version=4)
    old.model("a copy")
    old.version("a copy", 1, source="models:/fraud/4")
