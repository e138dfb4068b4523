# MLflow autolog with custom tags.
# --- what the text takes for granted: X_train, y_train
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
X, y = make_classification(1500, 10, n_informative=6, random_state=3)
X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=3)
# ---
import subprocess
import mlflow
import mlflow.sklearn
from sklearn.ensemble import GradientBoostingClassifier
mlflow.set_tracking_uri("http://mlflow.internal:5000")
mlflow.set_experiment("orders_fraud_detection")
# Enable framework-level autolog — captures estimator params,
# training metrics, and the model artifact automatically.
mlflow.sklearn.autolog(log_input_examples=True, log_model_signatures=True)
DATASET_VERSION = "orders_v2.1+users_v3.0"
GIT_SHA = subprocess.run(
    ["git", "rev-parse", "--short", "HEAD"],
    capture_output=True, text=True,
).stdout.strip()
with mlflow.start_run(run_name="gbm_fraud_v47") as run:
    # Custom tags that autolog cannot infer
    mlflow.set_tags({
        "dataset_version": DATASET_VERSION,
        "git_commit": GIT_SHA,
        "triggered_by": "ci/github-actions",
        "business_unit": "payments",
        "data_cutoff_date": "2024-03-01",
    })
    model = GradientBoostingClassifier(n_estimators=400, learning_rate=3e-2)
    model.fit(X_train, y_train)  # autolog records val metrics automatically
    print(f"Run ID: {run.info.run_id}")
    print(f"Artifact URI: {run.info.artifact_uri}")

# --- autolog measures on the training rows; the figure the text reads later, val_auc, is measured here
from sklearn.metrics import roc_auc_score
mlflow.sklearn.autolog(disable=True)
auc = roc_auc_score(y_val, model.predict_proba(X_val)[:, 1])
mlflow.MlflowClient().log_metric(run.info.run_id, "val_auc", auc)
# --- for the next scripts
from notes import note
note(run_id=run.info.run_id, git_sha=GIT_SHA, rows=X_val[:25].tolist(), predictions=model.predict(X_val[:25]).tolist())
