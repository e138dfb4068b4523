# Querying the tracking server: find all runs for a dataset version.
from mlflow.tracking import MlflowClient
client = MlflowClient(tracking_uri="http://mlflow.internal:5000")
DATASET_VERSION = "orders_v2.1+users_v3.0"
# Search across all experiments for runs that used this dataset version
runs = client.search_runs(
    # Corrected: the text passes the Experiment objects, which no server accepts; search_runs takes their ids.
    experiment_ids=[e.experiment_id for e in client.search_experiments(view_type="ACTIVE_ONLY")],
    filter_string=f"tags.dataset_version = '{DATASET_VERSION}'",
    order_by=["start_time DESC"],
)
print(f"Found {len(runs)} runs trained on {DATASET_VERSION}:\n")
for r in runs:
    in_registry = client.search_model_versions(f"run_id='{r.info.run_id}'")
    registry_info = (
        f" → registered as {in_registry[0].name} v{in_registry[0].version}"
        f" ({in_registry[0].current_stage})"
        if in_registry else " → not registered"
    )
    print(
        f"Run {r.info.run_id[:8]} "
        f"AUC={r.data.metrics.get('val_auc', 'n/a'):.3f} "
        f"started={r.info.start_time}"
    )
    print(registry_info)
