# What gets logged per experiment run.
import subprocess
import mlflow
with mlflow.start_run(run_name="exp-47b") as run:
    # Log inputs
    mlflow.log_param("dataset_version", "orders_v2.1+users_v3.0")
    mlflow.log_param("learning_rate", 3e-4)
    mlflow.log_param("epochs", 15)
    mlflow.set_tag("git_commit", subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True, text=True
    ).stdout.strip())
    # ... training loop ...
    # --- the loop that the text leaves out
    import pickle
    from pathlib import Path
    import mlflow.sklearn
    import numpy as np
    from sklearn.datasets import make_classification
    from sklearn.neural_network import MLPClassifier
    X, y = make_classification(2000, 12, n_informative=7, random_state=7)
    model = MLPClassifier((16,), learning_rate_init=3e-4, random_state=7)
    for epoch in range(1, 16):
        model.partial_fit(X, y, classes=np.unique(y))
        mlflow.log_metric("loss", model.loss_, step=epoch)
    Path("model.pkl").write_bytes(pickle.dumps(model))
    mlflow.sklearn.log_model(model, name="model", input_example=X[:2], serialization_format="cloudpickle")
    # --- end of the loop
    # Log outputs
    mlflow.log_metric("val_accuracy", 0.87)
    mlflow.log_metric("val_auc", 0.93)
    mlflow.log_artifact("model.pkl")  # model artifact stored and linked
    print(f"Run ID: {run.info.run_id}")

# --- for the next script
from notes import note
note(exp_47b=run.info.run_id, experiment_47b=run.info.experiment_id)
