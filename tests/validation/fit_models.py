"""Fits models of scikit-learn, XGBoost and LightGBM and saves each as MLflow logs it.

Run with the Python of .venv-mlflow:

    python fit_models.py FOLDER [NAME …]

For each model it makes FOLDER/NAME/cloudpickle, FOLDER/NAME/skops and so on, each a folder as MLflow logs it, and
FOLDER/NAME/plain with pickles and a joblib file. Its last line is JSON: which models were made, which estimators fit
none of the data here, and which models skops does not take.
"""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import mlflow
import numpy as np
import pandas as pd
import skops.io
import xgboost
from scipy import stats
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif, mutual_info_classif
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, Matern, WhiteKernel
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances

X, Y = make_classification(80, 6, random_state=0)
TEXTS = ["red apple", "green pear", "blue plum", "red plum"] * 10
FRAME = pd.DataFrame(
    {
        "age": np.arange(40.0),
        "city": pd.Categorical(["bern", "basel"] * 20),
        "when": pd.date_range("2026-01-01", periods=40),
        "word": TEXTS,
    }
)
LABELS = np.array([0, 1] * 20)
DATA: list[tuple[Any, Any]] = [
    (X, Y),
    (np.abs(X), Y),
    (X, X[:, 0]),
    (np.abs(X), np.abs(X[:, 0]) + 1),
    (X, np.c_[Y, 1 - Y]),
    (X[:, 0], Y),
    (X[:, :2], X[:, 2:4]),
    (TEXTS, LABELS),
    ([{"a": 1}, {"b": 2.0}], None),
    ([["a"], ["b", "c"]], None),
    (np.abs(X) @ np.abs(X).T, Y),
    (np.eye(6), None),
    (X[:, :3], None),
    (Y, None),
]


def estimators() -> Iterator[tuple[str, Any]]:
    """Yield each estimator of scikit-learn, as its own tests make it."""
    for name, made in all_estimators():
        if name == "FrozenEstimator":
            yield name, FrozenEstimator(LogisticRegression().fit(X, Y))
            continue
        for number, instance in enumerate(_construct_instances(made)):
            yield f"{name}-{number}" if number else name, instance


def pipelines() -> dict[str, Callable[[], Any]]:
    """Return what people put together of estimators, by name."""
    grid: dict[str, Any] = {"logisticregression__C": [0.1, 1.0]}
    scaled = make_pipeline(StandardScaler(), LogisticRegression())
    columns = ColumnTransformer(
        [
            ("number", make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
            ("place", OneHotEncoder(handle_unknown="ignore"), ["city"]),
            ("word", TfidfVectorizer(), "word"),
        ]
    )
    kernel = RBF() + Matern() * WhiteKernel()
    small = RandomForestClassifier(3, max_depth=2)
    return {
        "scaled": lambda: scaled.fit(X, Y),
        "grid_scoring": lambda: GridSearchCV(scaled, grid, scoring="balanced_accuracy", cv=2).fit(X, Y),
        "grid_scorer": lambda: GridSearchCV(scaled, grid, scoring=make_scorer(f1_score), cv=2).fit(X, Y),
        "grid_scorings": lambda: GridSearchCV(scaled, grid, scoring=["f1", "roc_auc"], refit="f1", cv=2).fit(X, Y),
        "random_search": lambda: RandomizedSearchCV(
            small, {"max_depth": stats.randint(1, 4), "max_features": stats.uniform(0.2, 0.8)}, n_iter=2, cv=2
        ).fit(X, Y),
        "random_search_log": lambda: RandomizedSearchCV(
            Ridge(), {"alpha": stats.loguniform(1e-3, 1)}, n_iter=2, cv=2
        ).fit(X, X[:, 0]),
        "neighbours": lambda: KNeighborsClassifier().fit(X, Y),
        "neighbours_ball": lambda: KNeighborsClassifier(algorithm="ball_tree", metric="manhattan").fit(X, Y),
        "columns": lambda: make_pipeline(columns, LogisticRegression()).fit(FRAME, LABELS),
        "histogram_categories": lambda: HistGradientBoostingClassifier(
            max_iter=3, categorical_features="from_dtype"
        ).fit(FRAME[["age", "city"]], LABELS),
        "histogram_regressor": lambda: HistGradientBoostingRegressor(max_iter=3, loss="poisson").fit(
            np.abs(X), np.abs(X[:, 0])
        ),
        "logarithm": lambda: make_pipeline(FunctionTransformer(np.log1p, inverse_func=np.expm1), Ridge()).fit(
            np.abs(X), X[:, 0]
        ),
        "no_gaps": lambda: make_pipeline(FunctionTransformer(np.nan_to_num), Ridge()).fit(X, X[:, 0]),
        "target": lambda: TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1).fit(
            X, np.abs(X[:, 0])
        ),
        "union": lambda: make_pipeline(
            FeatureUnion(
                [("a", PCA(2)), ("b", SelectKBest(f_classif, k=2)), ("c", SelectKBest(mutual_info_classif, k=2))]
            ),
            SGDClassifier(),
        ).fit(X, Y),
        "voting": lambda: VotingClassifier([("a", small), ("b", LogisticRegression())], voting="soft").fit(X, Y),
        "stacking": lambda: StackingClassifier([("a", small), ("b", KNeighborsClassifier())]).fit(X, Y),
        "process": lambda: GaussianProcessClassifier(kernel).fit(X, Y),
        "words": lambda: make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), TruncatedSVD(2), LogisticRegression()).fit(
            TEXTS, LABELS
        ),
        "gaps": lambda: make_pipeline(KNNImputer(), SplineTransformer(), LogisticRegression()).fit(X, Y),
        "xgb_classifier": lambda: xgboost.XGBClassifier(n_estimators=3).fit(X, Y),
        "xgb_regressor": lambda: xgboost.XGBRegressor(n_estimators=3).fit(X, X[:, 0]),
        "xgb_forest": lambda: xgboost.XGBRFClassifier(n_estimators=3).fit(X, Y),
        "xgb_ranker": lambda: xgboost.XGBRanker(n_estimators=3).fit(X, Y, qid=np.repeat([0, 1], 40)),
        "xgb_pipeline": lambda: make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=3)).fit(X, Y),
        "lgbm_classifier": lambda: lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, Y),
        "lgbm_regressor": lambda: lightgbm.LGBMRegressor(n_estimators=3, verbose=-1).fit(X, X[:, 0]),
        "lgbm_ranker": lambda: lightgbm.LGBMRanker(n_estimators=3, verbose=-1).fit(X, Y, group=[40, 40]),
        "lgbm_pipeline": lambda: make_pipeline(StandardScaler(), lightgbm.LGBMClassifier(verbose=-1)).fit(X, Y),
    }


def fitted(estimator: Any) -> bool:
    """Fit an estimator on the first data that it takes; return whether there were any."""
    for data, target in DATA:
        try:
            estimator.fit(data) if target is None else estimator.fit(data, target)
        except Exception:  # noqa: BLE001, S112 - whatever it does not like about data it was not made for
            continue
        return True
    return False


def trusted_types(model: Any, path: Path) -> list[str] | None:
    """Return the types that skops wants to be told of; None where it does not take the model."""
    try:
        skops.io.dump(model, path)
    except Exception:  # noqa: BLE001 - skops does not take every class
        path.unlink(missing_ok=True)
        return None
    found: list[str] = skops.io.get_untrusted_types(file=path)
    path.unlink()
    return found


def save(model: Any, folder: Path) -> bool:
    """Save a model in each way that people save models; return whether skops took it."""
    folder.mkdir(parents=True)
    plain = {"pip_requirements": ["scikit-learn==1.9.1"]}
    trusted = trusted_types(model, folder / "model.skops")
    library = type(model).__module__.split(".")[0]
    if library == "xgboost":
        for kind in ("json", "ubj"):
            mlflow.xgboost.save_model(model, folder / kind, model_format=kind, **plain)
    if library == "lightgbm":
        mlflow.lightgbm.save_model(model, folder / "lightgbm", skops_trusted_types=trusted, **plain)
        mlflow.lightgbm.save_model(model.booster_, folder / "booster", **plain)
    mlflow.sklearn.save_model(model, folder / "cloudpickle", serialization_format="cloudpickle", **plain)
    (folder / "plain").mkdir()
    (folder / "plain" / "model.pkl").write_bytes(pickle.dumps(model))
    (folder / "plain" / "old.pkl").write_bytes(pickle.dumps(model, protocol=0))
    joblib.dump(model, folder / "plain" / "model.joblib")
    if trusted is not None:
        mlflow.sklearn.save_model(
            model, folder / "skops", serialization_format="skops", skops_trusted_types=trusted, **plain
        )
    return trusted is not None


def main(target: Path, wanted: list[str]) -> None:
    """Make all models, or those that are named."""
    warnings.simplefilter("ignore")
    failed: list[str] = []
    made: list[str] = []
    no_skops: list[str] = []
    for name, estimator in estimators():
        if wanted and name not in wanted:
            continue
        if not fitted(estimator):
            failed.append(name)
            continue
        made.append(name)
        if not save(estimator, target / name):
            no_skops.append(name)
    for name, fit in pipelines().items():
        if not wanted or name in wanted:
            made.append(name)
            if not save(fit(), target / name):
                no_skops.append(name)
    print(json.dumps({"made": made, "failed": failed, "no_skops": no_skops}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
