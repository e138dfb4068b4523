# Registering a model version and transitioning stages.
# --- from the scripts before
from notes import note, recall
run_id, GIT_SHA, DATASET_VERSION = recall()["run_id"], recall()["git_sha"], "orders_v2.1+users_v3.0"
# ---
import mlflow
from mlflow.tracking import MlflowClient
client = MlflowClient(tracking_uri="http://mlflow.internal:5000")
MODEL_NAME = "fraud_detector"
# Register the model artifact from an existing run
model_uri = f"runs:/{run_id}/model"
mv = mlflow.register_model(model_uri, MODEL_NAME)
print(f"Registered version {mv.version} — state: {mv.current_stage}")
note(fraud_detector=mv.version)  # for the next script
# Add a human-readable description to this version
client.update_model_version(
    name=MODEL_NAME,
    version=mv.version,
    description=(
        f"GBM trained on {DATASET_VERSION}, git={GIT_SHA}. "
        "Validation AUC 0.934. Approved by: rzeng 2024-03-15."
    ),
)
# Transition to Staging for integration testing
client.transition_model_version_stage(
    name=MODEL_NAME, version=mv.version, stage="Staging",
    archive_existing_versions=False,  # keep previous staging version during canary
)
print(f"Staged version {mv.version}")
# After integration tests pass, promote to Production
client.transition_model_version_stage(
    name=MODEL_NAME, version=mv.version, stage="Production",
    archive_existing_versions=True,  # archive the old production version
)
