"""The recorded trainings, as a team would write them: with mlflow and scikit-learn, and nothing of Custody.

It needs mlflow-skinny 3.17.2, scikit-learn and pandas; see `demo/record.py`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import mlflow
import mlflow.sklearn
import numpy as np
import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score, root_mean_squared_error
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from demo.tables import Split

EVERY = 5  # trees between two points of a curve


class Model(Protocol):
    """The result of a training: an estimator of scikit-learn."""

    def predict(self, x: pd.DataFrame, /) -> Any:
        """Return the predictions for the rows."""


@dataclass(frozen=True)
class Training:
    """One run to record: its author, its data, and the training between start_run and end_run.

    ``keeps_model`` logs the model after the training; with autolog the training does so itself.
    """

    experiment: str
    name: str
    author: str
    business_unit: str
    data: Split
    train: Callable[[Split], Model]
    keeps_model: bool = False
    tags: dict[str, str] = field(default_factory=dict)


@contextmanager
def started(job: Training) -> Iterator[str]:
    """Start a run with the tags that autolog cannot infer, and log its datasets; yield the id of the run."""
    mlflow.set_experiment(job.experiment)
    with mlflow.start_run(run_name=job.name) as run:
        mlflow.set_tags(
            {
                "dataset_version": job.data.dataset_version,
                "git_commit": training_commit(),
                "triggered_by": "manual",
                "business_unit": job.business_unit,
                **job.tags,
            }
        )
        mlflow.log_param("dataset_version", job.data.dataset_version)
        for name, source, frame in job.data.sources:
            mlflow.log_input(mlflow.data.from_pandas(frame, source=source, name=name), context="training")
        yield run.info.run_id


def run_training(job: Training) -> str:
    """Train and log; return the id of the run."""
    with started(job) as run_id:
        model = job.train(job.data)
        _log_groups(model, job.data)
        if job.keeps_model:
            example = job.data.x_val.head(3)
            signature = mlflow.models.infer_signature(example, model.predict(example))
            mlflow.sklearn.log_model(
                model, name="model", signature=signature, input_example=example, serialization_format="cloudpickle"
            )
    return run_id


def _log_groups(model: Model, data: Split) -> None:
    """Log the accuracy in each group of the validation rows, for the section "evaluation across groups" of the card."""
    for name, rows in data.groups.items():
        right = accuracy_score(data.y_val[rows], model.predict(data.x_val[rows]))
        mlflow.log_metric(f"val_accuracy_{name}", round(float(right), 3))


def training_commit() -> str:
    """Return the commit that last changed the training code."""
    code = [str(Path(__file__).with_name(name)) for name in ("tables.py", "trainings.py", "plan.py")]
    command = ["git", "log", "-1", "--format=%h", "--", *code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - our own arguments


def _score(y: Any, chances: np.ndarray, prefix: str) -> dict[str, float]:
    """Return loss, accuracy and AUC (one against the rest where there are several classes), to three decimals."""
    two = chances.shape[1] == 2  # noqa: PLR2004 - yes and no
    auc = roc_auc_score(y, chances[:, 1]) if two else roc_auc_score(y, chances, multi_class="ovr")
    figures = {"loss": log_loss(y, chances), "accuracy": accuracy_score(y, chances.argmax(axis=1)), "auc": auc}
    return {f"{prefix}_{name}": round(float(value), 3) for name, value in figures.items()}


def by_epoch(
    estimator: MLPClassifier | SGDClassifier, *, epochs: int, params: dict[str, object]
) -> Callable[[Split], Pipeline]:
    """Return a training of so many passes over the data that logs a point of every curve after each pass."""

    def train(data: Split) -> Pipeline:
        mlflow.log_params({"epochs": epochs, **params})
        scaler = StandardScaler().fit(data.x_train)
        x_train, x_val = scaler.transform(data.x_train), scaler.transform(data.x_val)
        for epoch in range(1, epochs + 1):
            estimator.partial_fit(x_train, data.y_train, classes=np.unique(data.y_train))
            figures = _score(data.y_train, estimator.predict_proba(x_train), "train")
            figures |= _score(data.y_val, estimator.predict_proba(x_val), "val")
            mlflow.log_metrics(figures, step=epoch)
        return make_pipeline(scaler, estimator)

    return train


def network(layers: tuple[int, ...], *, rate: float, epochs: int, seed: int = 7) -> Callable[[Split], Pipeline]:
    """Return the training of a small neural network."""
    estimator = MLPClassifier(layers, learning_rate_init=rate, batch_size=32, random_state=seed)
    params = {"learning_rate": rate, "layers": "x".join(map(str, layers)), "batch_size": 32, "random_state": seed}
    return by_epoch(estimator, epochs=epochs, params=params)


def linear(*, alpha: float, epochs: int) -> Callable[[Split], Pipeline]:
    """Return the training of a logistic regression by stochastic gradient descent."""
    estimator = SGDClassifier(loss="log_loss", alpha=alpha, random_state=7)
    return by_epoch(estimator, epochs=epochs, params={"alpha": alpha, "loss": "log_loss", "random_state": 7})


def boosted(*, trees: int, rate: float, depth: int) -> Callable[[Split], GradientBoostingClassifier]:
    """Return the training of boosted trees, with a point of every curve after each EVERY trees."""

    def train(data: Split) -> GradientBoostingClassifier:
        model = GradientBoostingClassifier(n_estimators=trees, learning_rate=rate, max_depth=depth, random_state=7)
        mlflow.log_params({"n_estimators": trees, "learning_rate": rate, "max_depth": depth, "random_state": 7})
        model.fit(data.x_train, data.y_train)
        stages = zip(model.staged_predict_proba(data.x_train), model.staged_predict_proba(data.x_val), strict=True)
        for tree, (on_train, on_val) in enumerate(stages, start=1):
            if tree % EVERY == 0 or tree == 1:
                mlflow.log_metrics(
                    _score(data.y_train, on_train, "train") | _score(data.y_val, on_val, "val"), step=tree
                )
        return model

    return train


def autologged(*, trees: int, rate: float, depth: int) -> Callable[[Split], GradientBoostingClassifier]:
    """Return the training of boosted trees with `mlflow.sklearn.autolog`, which logs the parameters, the training
    metrics and the model.
    """

    def train(data: Split) -> GradientBoostingClassifier:
        mlflow.sklearn.autolog(log_input_examples=True, log_model_signatures=True, log_datasets=False)
        model = GradientBoostingClassifier(n_estimators=trees, learning_rate=rate, max_depth=depth, random_state=7)
        model.fit(data.x_train, data.y_train)
        mlflow.sklearn.autolog(disable=True)
        for tree, on_val in enumerate(model.staged_predict_proba(data.x_val), start=1):
            if tree % (2 * EVERY) == 0 or tree == 1:
                mlflow.log_metrics(_score(data.y_val, on_val, "val"), step=tree)
        return model

    return train


def regression(*, trees: int, rate: float, depth: int) -> Callable[[Split], GradientBoostingRegressor]:
    """Return the training of boosted trees for a numeric target."""

    def train(data: Split) -> GradientBoostingRegressor:
        model = GradientBoostingRegressor(n_estimators=trees, learning_rate=rate, max_depth=depth, random_state=7)
        mlflow.log_params({"n_estimators": trees, "learning_rate": rate, "max_depth": depth, "random_state": 7})
        model.fit(data.x_train, data.y_train)
        for tree, guess in enumerate(model.staged_predict(data.x_val), start=1):
            if tree % EVERY == 0 or tree == 1:
                error, fit = root_mean_squared_error(data.y_val, guess), r2_score(data.y_val, guess)
                mlflow.log_metrics({"val_rmse": round(error, 3), "val_r2": round(fit, 3)}, step=tree)
        return model

    return train
