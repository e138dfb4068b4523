"""A job that trains, logs a run and registers the model, with nothing but a token in its environment."""

import os

import mlflow
import pandas as pd
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

assert os.environ["MLFLOW_TRACKING_TOKEN"]
assert "MLFLOW_TRACKING_PASSWORD" not in os.environ
mlflow.set_experiment("in-ci")
data = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]})
with mlflow.start_run() as run:
    mlflow.log_params({"C": 1.0})
    mlflow.log_metric("auc", 0.9)
    mlflow.sklearn.log_model(
        LogisticRegression().fit(data, [0, 0, 1, 1]),
        name="model",
        registered_model_name="trained-in-ci",
        serialization_format="pickle",
    )
(version,) = MlflowClient().search_model_versions("name = 'trained-in-ci'")
assert mlflow.pyfunc.load_model("models:/trained-in-ci/1").predict(data).tolist() == [0, 0, 1, 1]
print(run.info.run_id, version.version, version.run_id)
