# Automating lineage verification in CI.
# --- from the scripts before; CI runs one job, the walkthrough several
import mlflow
from mlflow.tracking import MlflowClient
from notes import note, recall
MODEL_NAME = "fraud_detector"
run = MlflowClient().get_run(recall()["run_id"])
# ---
def assert_run_lineage(run_id: str, required_tags: list[str]) -> None:
    """Raise if any required lineage tag is missing from a completed run."""
    client = MlflowClient()
    run = client.get_run(run_id)
    missing = [t for t in required_tags if t not in run.data.tags]
    if missing:
        raise ValueError(
            f"Run {run_id} is missing required lineage tags: {missing}. "
            "Set these before registering the model."
        )
REQUIRED_TAGS = ["dataset_version", "git_commit", "triggered_by"]
assert_run_lineage(run.info.run_id, REQUIRED_TAGS)
# Only reached if all tags present
mlflow.register_model(f"runs:/{run.info.run_id}/model", MODEL_NAME)

# --- for the test: a run without the tags is refused
with mlflow.start_run(run_name="untagged") as untagged:
    pass
try:
    assert_run_lineage(untagged.info.run_id, REQUIRED_TAGS)
except ValueError as error:
    note(refusal=str(error))
