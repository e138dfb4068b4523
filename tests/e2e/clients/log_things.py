"""Everything a run can be given: tables, figures, texts, images of numbers, datasets, nested runs, system metrics, in
the background.
"""

import json
import time

import matplotlib as mpl
import mlflow
import pandas as pd
from mlflow import MlflowClient

mpl.use("agg")
import matplotlib.pyplot as plt

client = MlflowClient()
mlflow.set_experiment("clients-logging")
frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [0, 1, 0]})
with mlflow.start_run(run_name="parent", description="of two", tags={"team": "risk"}) as parent:
    mlflow.log_params({"lr": 0.1, "layers": [1, 2], "name": "ünïcode"})
    mlflow.log_metrics({"auc": 0.9, "loss": float("nan"), "best": float("inf")}, step=1)
    for step in range(5):
        mlflow.log_metric("curve", step / 10, step=step)
    mlflow.log_dict({"a": [1]}, "conf/settings.json")
    mlflow.log_text("hello\n", "notes/read me.txt")
    mlflow.log_table(frame, "tables/predictions.json")
    mlflow.log_table(pd.DataFrame({"x": [4.0], "y": [1]}), "tables/predictions.json")  # appends: read, then write
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    mlflow.log_figure(figure, "figures/line.png")
    dataset = mlflow.data.from_pandas(frame, source="https://example.com/orders.csv", name="orders", targets="y")
    mlflow.log_input(dataset, context="training", tags={"region": "eu"})
    with mlflow.start_run(nested=True, run_name="child") as child:
        mlflow.log_metric("inner", 1.0)
    with mlflow.start_run(nested=True, run_name="failing") as failing:
        mlflow.set_tag("why", "to see")
        mlflow.end_run("FAILED")

run = client.get_run(parent.info.run_id)
assert run.info.status == "FINISHED"
assert run.data.params == {"lr": "0.1", "layers": "[1, 2]", "name": "ünïcode"}, run.data.params
assert run.data.tags["mlflow.note.content"] == "of two"
assert run.data.metrics["loss"] != run.data.metrics["loss"]
assert run.data.metrics["best"] > 1e308
assert [point.value for point in client.get_metric_history(run.info.run_id, "curve")] == [0.0, 0.1, 0.2, 0.3, 0.4]
(used,) = run.inputs.dataset_inputs
assert (used.dataset.name, {tag.key: tag.value for tag in used.tags}) == (
    "orders",
    {"mlflow.data.context": "training", "region": "eu"},
)
assert mlflow.data.get_source(used).url == "https://example.com/orders.csv"
assert mlflow.load_table("tables/predictions.json", run_ids=[run.info.run_id])["x"].tolist() == [1.0, 2.0, 3.0, 4.0]
assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/conf/settings.json") == {"a": [1]}
assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/read me.txt") == "hello\n"
assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"conf", "figures", "notes", "tables"}
assert (
    child.data.tags.get("mlflow.parentRunId") == run.info.run_id
    or client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id
)
assert client.get_run(failing.info.run_id).info.status == "FAILED"

found = mlflow.search_runs(
    experiment_names=["clients-logging"], filter_string="metrics.auc > 0.5", order_by=["metrics.auc DESC"]
)
assert found["params.lr"].tolist() == ["0.1"]
assert found["tags.team"].tolist() == ["risk"]
nested = mlflow.search_runs(search_all_experiments=True, filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'")
assert sorted(nested["tags.mlflow.runName"]) == ["child", "failing"], nested

mlflow.config.enable_async_logging()
with mlflow.start_run(run_name="background") as background:
    waiting = [mlflow.log_metric("async", step, step=step, synchronous=False) for step in range(30)]
    waiting.append(mlflow.log_params({f"p{number}": number for number in range(150)}, synchronous=False))
    for operation in waiting:
        operation.wait()
mlflow.config.enable_async_logging(False)
mlflow.flush_async_logging()
assert len(client.get_metric_history(background.info.run_id, "async")) == 30
assert len(client.get_run(background.info.run_id).data.params) == 150

mlflow.set_system_metrics_sampling_interval(0.2)
mlflow.set_system_metrics_samples_before_logging(1)
with mlflow.start_run(run_name="watched", log_system_metrics=True) as watched:
    time.sleep(1.5)
seen = client.get_run(watched.info.run_id).data.metrics
assert any(key.startswith("system/") for key in seen), seen

client.delete_run(child.info.run_id)
assert client.get_run(child.info.run_id).info.lifecycle_stage == "deleted"
client.restore_run(child.info.run_id)
client.rename_experiment(run.info.experiment_id, "clients-logging 2")
client.set_experiment_tag(run.info.experiment_id, "mlflow.note.content", "# what it is")
assert mlflow.get_experiment_by_name("clients-logging 2").tags["mlflow.note.content"] == "# what it is"
client.rename_experiment(run.info.experiment_id, "clients-logging")
print(json.dumps({"run": run.info.run_id, "experiment": run.info.experiment_id}))
