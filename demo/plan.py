"""The trainings that are recorded, in their order."""

from __future__ import annotations

from demo.tables import orders, shipped
from demo.trainings import Training, autologged, boosted, linear, network, regression


def all_trainings() -> list[Training]:
    """Return every training of the demonstration."""
    return [*_orders(), *_fraud(), *_tumours(), *_digits(), *_wine(), *_diabetes()]


def _orders() -> list[Training]:
    """Return the example of the walkthrough, exp-47b on orders v2.1 and users v3.0, and the runs before it."""
    who = ("ada", "payments")
    old, new = orders("v2.0"), orders("v2.1")
    experiment = "orders_classification"
    return [
        Training(experiment, "exp-46a", *who, old, network((32, 16), rate=1e-4, epochs=15), keeps_model=True),
        Training(experiment, "exp-47a", *who, new, linear(alpha=1e-4, epochs=15)),
        Training(experiment, "exp-47b", *who, new, network((32, 16), rate=3e-4, epochs=15, seed=44), keeps_model=True),
    ]


def _fraud() -> list[Training]:
    who = ("ci-payments", "payments")
    data = orders("v2.1", "fraud")
    tags = {"triggered_by": "ci/github-actions", "data_cutoff_date": "2024-03-01"}
    experiment = "orders_fraud_detection"
    return [
        Training(experiment, "gbm_fraud_v46", *who, data, boosted(trees=100, rate=0.1, depth=2), tags=tags),
        Training(experiment, "gbm_fraud_v47", *who, data, autologged(trees=400, rate=3e-2, depth=2), tags=tags),
    ]


def _tumours() -> list[Training]:
    who = ("carl", "diagnostics")
    data = shipped("breast_cancer")
    experiment = "tumour_screening"
    return [
        Training(experiment, "gbm-deep", *who, data, boosted(trees=120, rate=0.3, depth=4)),
        Training(experiment, "gbm-shallow", *who, data, boosted(trees=90, rate=0.1, depth=2), keeps_model=True),
        Training(experiment, "logit", *who, data, linear(alpha=1e-2, epochs=30), keeps_model=True),
    ]


def _digits() -> list[Training]:
    who = ("carl", "mailroom")
    data = shipped("digits")
    experiment = "digit_reading"
    return [
        Training(experiment, "mlp-32", *who, data, network((32,), rate=1e-3, epochs=25), keeps_model=True),
        Training(experiment, "mlp-64", *who, data, network((64,), rate=1e-3, epochs=25)),
    ]


def _wine() -> list[Training]:
    who = ("ada", "purchasing")
    data = shipped("wine")
    rates = (0.03, 0.1)
    return [
        Training("wine_cultivars", f"gbm-rate-{rate}", *who, data, boosted(trees=60, rate=rate, depth=2))
        for rate in rates
    ]


def _diabetes() -> list[Training]:
    who = ("carl", "diagnostics")
    data = shipped("diabetes")
    return [
        Training(
            "diabetes_progression", f"gbr-depth-{depth}", *who, data, regression(trees=150, rate=0.05, depth=depth)
        )
        for depth in (2, 3)
    ]
