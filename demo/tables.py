"""The data of the recorded trainings: synthetic orders and users, the same on every machine, and datasets of
scikit-learn.

It needs scikit-learn and pandas, which the server does not have: only `demo/record.py` imports it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.model_selection import train_test_split

_ORDER_COLUMNS = ("amount", "items", "discount", "basket_age_min", "shipping_km", "hour", "card_tries")
_USER_COLUMNS = ("account_days", "orders_90d", "refunds_90d", "devices", "session_min")
# With this seed the settings of the walkthrough (learning rate 3e-4, 15 epochs, random state 44) reach its figures
# (validation accuracy 0.87, AUC 0.93) by real training.
_TABLE_SEED = 26
_VERSIONS = {"v2.0": 4800, "v2.1": 6000}
_GROUPS = {
    "orders": ("account_days", "new_accounts", "old_accounts"),
    "breast_cancer": ("mean radius", "small_tumours", "large_tumours"),
}

Sources = tuple[tuple[str, str, pd.DataFrame], ...]


@dataclass(frozen=True)
class Split:
    """A table split into training and validation rows.

    ``sources`` are the dataset versions and frames to log as inputs.

    ``grouped_by``: the column whose median splits the validation rows into two groups, and the names of the groups.
    """

    x_train: pd.DataFrame
    x_val: pd.DataFrame
    y_train: pd.Series
    y_val: pd.Series
    sources: Sources  # (dataset version, where it comes from, frame)
    grouped_by: tuple[str, str, str] | None = None

    @property
    def dataset_version(self) -> str:
        """The value of the tag `dataset_version`: every version, joined by a plus."""
        return "+".join(name for name, _, _ in self.sources)

    @property
    def groups(self) -> dict[str, pd.Series]:
        """The groups of validation rows, each as a mask."""
        if self.grouped_by is None:
            return {}
        column, low, high = self.grouped_by
        is_low = self.x_val[column] < self.x_val[column].median()
        return {low: is_low, high: ~is_low}


def orders(version: str, target: str = "disputed", *, seed: int = _TABLE_SEED) -> Split:
    """Return orders of a version joined with users v3.0, to predict ``target``: `disputed` or `fraud`."""
    everything = _order_table(seed)
    users = everything[["user", *_USER_COLUMNS]]  # the same snapshot of users for every version of the orders
    table = everything.head(_VERSIONS[version])
    features = table[[*_ORDER_COLUMNS, *_USER_COLUMNS]]
    placed = table[["order", "user", *_ORDER_COLUMNS, "disputed", "fraud"]]
    sources = (
        (f"orders_{version}", f"s3://warehouse/orders/{version}/part-0.parquet", placed),
        ("users_v3.0", "s3://warehouse/users/v3.0/part-0.parquet", users),
    )
    return _split(features, table[target], sources, _GROUPS["orders"])


def _order_table(seed: int) -> pd.DataFrame:
    x, disputed = datasets.make_classification(
        n_samples=max(_VERSIONS.values()),
        n_features=len(_ORDER_COLUMNS) + len(_USER_COLUMNS),
        n_informative=7,
        n_redundant=2,
        n_clusters_per_class=3,
        weights=[0.62],
        class_sep=0.91,
        flip_y=0.04,
        random_state=seed,
    )
    table = pd.DataFrame(x.round(4), columns=[*_ORDER_COLUMNS, *_USER_COLUMNS])
    chance = np.random.default_rng(seed).logistic(scale=0.4, size=len(table))
    score = table["amount"] * table["card_tries"] - table["account_days"] + chance
    table["fraud"] = (score > score.quantile(0.9)).astype(int)
    table["disputed"] = disputed
    table["order"] = np.arange(100_000, 100_000 + len(table))
    table["user"] = np.arange(7_000, 7_000 + len(table))
    return table


def shipped(name: str) -> Split:
    """Return a data set that ships with scikit-learn: `breast_cancer`, `digits`, `wine` or `diabetes`."""
    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    sources = ((f"{name}_v1", f"https://scikit-learn.org/stable/datasets/toy_dataset.html#{name}", bunch.frame),)
    return _split(bunch.data, bunch.target, sources, _GROUPS.get(name))


def _split(x: pd.DataFrame, y: pd.Series, sources: Sources, grouped_by: tuple[str, str, str] | None) -> Split:
    classes = y if y.nunique() < 20 else None  # noqa: PLR2004 - a target with many values is numeric
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.25, random_state=7, stratify=classes)
    return Split(x_train, x_val, y_train, y_val, sources, grouped_by)
