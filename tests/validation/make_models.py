"""Makes the model files of tests/validation/models/, with real scikit-learn, cloudpickle, joblib and skops.

Not run by the tests. To renew the files: `python tests/validation/make_models.py` in an environment with those
installed.
"""

from __future__ import annotations

import functools
import operator
import pickle
import warnings
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import scipy.sparse
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

HERE = Path(__file__).parent / "models"


def main() -> None:
    """Fit small models on a data set that ships with scikit-learn and write each in several formats."""
    warnings.simplefilter("ignore")
    x, y = load_breast_cancer(return_X_y=True)
    x = x[:, :4]
    boosting = GradientBoostingClassifier(n_estimators=3, random_state=0).fit(x, y)
    (HERE / "boosting.cloudpickle.pkl").write_bytes(cloudpickle.dumps(boosting))
    skops.io.dump(boosting, HERE / "boosting.skops")
    joblib.dump(boosting, HERE / "boosting.joblib")
    joblib.dump(boosting, HERE / "boosting.joblib.gz", compress=("gzip", 3))
    joblib.dump(boosting, HERE / "boosting.zlib.joblib", compress=("zlib", 3))
    for protocol in range(6):
        (HERE / f"boosting.protocol{protocol}.pkl").write_bytes(pickle.dumps(boosting, protocol=protocol))
    others = {
        "forest": RandomForestClassifier(3, max_depth=3, random_state=0),
        "histogram": HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=4),
        "pipeline": make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression(max_iter=50)),
        "network": MLPClassifier((4,), max_iter=3, random_state=0),
    }
    for name, model in others.items():
        (HERE / f"{name}.pkl").write_bytes(pickle.dumps(model.fit(x, y)))
    frame = pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.0], "city": ["a", "b", "a", "c"]})
    columns = ColumnTransformer([("number", StandardScaler(), ["age"]), ("word", OneHotEncoder(), ["city"])])
    mixed = make_pipeline(columns, LogisticRegression()).fit(frame, [0, 1, 0, 1])
    (HERE / "columns.pkl").write_bytes(pickle.dumps(mixed))
    joblib.dump(mixed, HERE / "columns.joblib")
    (HERE / "frame.pkl").write_bytes(pickle.dumps(frame))
    np.save(HERE / "numbers.npy", np.arange(4.0))
    np.save(HERE / "objects.npy", np.array(["a", None], dtype=object), allow_pickle=True)
    np.savez_compressed(HERE / "numbers.npz", a=np.arange(4.0), b=np.ones((2, 2)))
    skops.io.dump(parts(), HERE / "parts.skops")


def parts() -> dict[str, object]:
    """Return an object of each kind that skops writes in a way of its own."""
    line = LinearRegression().fit(np.arange(4.0).reshape(-1, 1), np.arange(4.0))
    return {
        "model": line,
        "rng": np.random.default_rng(0),
        "state": np.random.RandomState(0),
        "part": functools.partial(np.add, 1.0),
        "item": operator.itemgetter(1),
        "slice": slice(1, 2),
        "set": {1, 2},
        "bytes": b"abc",
        "tuple": (1, "a"),
        "sparse": scipy.sparse.eye(3, format="csr"),
        "masked": np.ma.array([1, 2], mask=[0, 1]),
        "type": int,
        "ufunc": np.log1p,
        "dtype": np.dtype("f4"),
        "function": FunctionTransformer(np.log1p),
        "objects": np.array(["a", 1], dtype=object),
    }


def tensors() -> None:
    """Write tensors as PyTorch does now and as it did before 1.6; run by hand where torch is installed."""
    import torch  # noqa: PLC0415 - installed in an environment of its own

    state = {"w": torch.arange(4.0).reshape(2, 2), "n": 3, "b": torch.ones(2, dtype=torch.int64)}
    torch.save(state, HERE / "tensors.pt")
    torch.save(state, HERE / "tensors.legacy.pt", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
