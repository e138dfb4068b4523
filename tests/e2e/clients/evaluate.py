"""mlflow.models.evaluate over predictions that are there: metrics, tables and pictures of one run."""

import mlflow
import pandas as pd

mlflow.set_experiment("clients-evaluate")
frame = pd.DataFrame({"x": range(20), "label": [0, 1] * 10, "score": [0, 1, 1, 1] * 5})
with mlflow.start_run() as run:
    result = mlflow.models.evaluate(
        data=frame,
        targets="label",
        predictions="score",
        model_type="classifier",
        evaluator_config={"log_model_explainability": False},
    )
kept = mlflow.get_run(run.info.run_id).data.metrics
assert kept["accuracy_score"] == result.metrics["accuracy_score"] == 0.75, kept
assert mlflow.MlflowClient().list_artifacts(run.info.run_id)
