"""A model as a team makes one, through the public doors with an API token: a run, its files, a version,
a filled card.
"""

from __future__ import annotations

from pathlib import Path

from demo.client import MLFLOW, REST, Client, Refused

_FILES = Path(__file__).resolve().parents[1] / "validation" / "models" / "mlflow"
_TAGS = {"dataset_version": "claims_v1.4+payers_v2.0", "git_commit": "b7d9e4", "triggered_by": "manual"}
_CARD = (
    "intended_use", "out_of_scope", "training_data", "evaluation_groups", "limitations", "failure_modes",
)  # fmt: skip


def train_and_register(client: Client, model: str, *, auc: float, data: str = "") -> int:
    """Log a run with a curve and its model's files, register them as the next version, fill the card; return the
    number. ``data`` is the dataset version that the run names, where it is not the usual one.
    """
    start = {"experiment_id": "0", "run_name": f"{model}-{auc}", "start_time": 1}
    run = client.post(MLFLOW + "runs/create", start)["run"]["info"]
    run_id, root = run["run_id"], run["artifact_uri"].removeprefix("mlflow-artifacts:/").lstrip("/")
    points = [{"key": "val_auc", "value": auc - 0.1 / step, "timestamp": step, "step": step} for step in range(1, 6)]
    points.append({"key": "val_auc", "value": auc, "timestamp": 9, "step": 9})
    tags = [
        {"key": key, "value": value} for key, value in (_TAGS | ({"dataset_version": data} if data else {})).items()
    ]
    client.post(MLFLOW + "runs/log-batch", {"run_id": run_id, "metrics": points, "tags": tags})
    for file in sorted(_FILES.iterdir()):
        client.put_file(f"{root}/model/{file.name}", file.read_bytes())
    # Bytes of its own: equal files descend from the data of every run that has them, quarantined data included.
    client.put_file(f"{root}/model/note.txt", f"{model}, trained on {data or 'the usual data'}: {auc}.".encode())
    try:
        client.post(MLFLOW + "registered-models/create", {"name": model})
    except Refused as refusal:
        if refusal.body.get("error_code") != "RESOURCE_ALREADY_EXISTS":
            raise
    body = {"name": model, "source": f"{run['artifact_uri']}/model", "run_id": run_id}
    version = int(client.post(MLFLOW + "model-versions/create", body)["model_version"]["version"])
    card = f"{REST}models/{model}/versions/{version}/card"
    written = dict.fromkeys(_CARD, "Written by somebody who knows.")
    client.put(card, {"fields": written, "expected_number": client.get(card)["number"]})
    return version


def ask_for_production(client: Client, model: str, version: int) -> None:
    """Ask over MLflow's wire; where people decide the answer is a refusal that names the request."""
    body = {"name": model, "version": str(version), "stage": "Production", "archive_existing_versions": True}
    try:
        client.post(MLFLOW + "model-versions/transition-stage", body)
    except Refused as refusal:
        if "reviewers" not in str(refusal):
            raise
