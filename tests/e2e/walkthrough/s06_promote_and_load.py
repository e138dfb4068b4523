# The promotion asked for again, and what follows it in the text: load directly from the registry in the serving layer.
# --- from the scripts before
from notes import note, recall
version = recall()["fraud_detector"]
# ---
import mlflow
from mlflow.tracking import MlflowClient
client = MlflowClient(tracking_uri="http://mlflow.internal:5000")
MODEL_NAME = "fraud_detector"
# After integration tests pass, promote to Production
client.transition_model_version_stage(
    name=MODEL_NAME, version=version, stage="Production",
    archive_existing_versions=True,  # archive the old production version
)
# Load directly from registry in serving layer
prod_model = mlflow.sklearn.load_model(f"models:/{MODEL_NAME}/Production")

# --- for the test: what the loaded model says of the rows its maker noted
import numpy as np
note(served=prod_model.predict(np.array(recall()["rows"])).tolist())
