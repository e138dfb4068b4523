# The same promotion, asked for again.
# --- from the script before
from notes import recall
version = recall()["clf_orders"]
# ---
from mlflow.tracking import MlflowClient
client = MlflowClient()
# Promote to production after validation
client.transition_model_version_stage(
    name="clf_orders",
    version=version,
    stage="Production",
)
