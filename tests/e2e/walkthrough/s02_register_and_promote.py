# MLflow Model Registry: register a model from a run, promote it.
# --- from the script before
import mlflow
from notes import note, recall
run_id = recall()["exp_47b"]
# ---
from mlflow.tracking import MlflowClient
client = MlflowClient()
# Register a model from a run
model_uri = f"runs:/{run_id}/model"
model_version = mlflow.register_model(model_uri, "clf_orders")
note(clf_orders=model_version.version)  # for the next script
# Promote to production after validation
client.transition_model_version_stage(
    name="clf_orders",
    version=model_version.version,
    stage="Production",
)
