"""A training as people have it: its file lies in a git repository, its data are tracked by DVC, and it logs to MLflow
where there is a server. Run again without one, it writes the same model.
"""

import hashlib
import json
import os
import random
import sys
from pathlib import Path


def train(scale: float, seed: str) -> str:
    """Write the model and return its SHA-256."""
    random.seed(seed)
    rows = [float(line) for line in Path("data/rows.csv").read_text(encoding="utf-8").split()]
    model = {"mean": sum(rows) / len(rows) * scale, "draw": random.random()}  # noqa: S311 - a seed is what is tested
    Path("model.json").write_text(json.dumps(model), encoding="utf-8")
    return hashlib.sha256(Path("model.json").read_bytes()).hexdigest()


def log(scale: float, seed: str, digest: str) -> None:
    """Log what was done, as docs/reference.md says, and register the model."""
    import mlflow  # noqa: PLC0415 - the training runs without it

    held = json.loads(os.environ["DVC_FILE"])
    with mlflow.start_run(run_name="again") as run:
        mlflow.log_param("scale", scale)
        mlflow.set_tags(
            {
                "dataset_version": "rows_v1",
                "custody.command": json.dumps(["python", "train_again.py"]),
                "custody.seed": seed,
                "custody.dvc": json.dumps([held]),
                "custody.outputs": json.dumps([{"path": "model.json", "sha256": digest}]),
                "mlflow.source.git.repoURL": os.environ["REPOSITORY"],
            }
        )
        mlflow.log_artifact("model.json", "model")
        mlflow.log_text("flavors: {}\n", "model/MLmodel")
        mlflow.log_text("pip==23.0.1\n", "model/requirements.txt")
        python = ".".join(map(str, sys.version_info[:3]))
        mlflow.log_text(f"python: {python}\ndependencies:\n- -r requirements.txt\n", "model/python_env.yaml")
    mlflow.register_model(f"runs:/{run.info.run_id}/model", "trained_again")


params = (
    json.loads(Path(os.environ["CUSTODY_PARAMS"]).read_text(encoding="utf-8")) if "CUSTODY_PARAMS" in os.environ else {}
)
SCALE, SEED = float(params.get("scale", 3)), os.environ.get("CUSTODY_SEED", "7")
DIGEST = train(SCALE, SEED)
if "MLFLOW_TRACKING_URI" in os.environ:
    log(SCALE, SEED, DIGEST)
