"""The better direction of a metric by its name. Run pages, differences of versions and comparison checks use it."""

from __future__ import annotations

import re
from enum import IntEnum


class Direction(IntEnum):
    """The better direction of a metric: the sign of a change that is an improvement."""

    LOWER = -1
    UNKNOWN = 0
    HIGHER = 1


_LOWER = frozenset(
    [
        "loss",
        "error",
        "err",
        "rmse",
        "rmsle",
        "mse",
        "msle",
        "mae",
        "mape",
        "smape",
        "wape",
        "logloss",
        "deviance",
        "brier",
        "perplexity",
        "latency",
        "ece",
        "wer",
        "cer",
        "divergence",
        "fpr",
        "fnr",
        "pinball",
        "nll",
    ]
)
_HIGHER = frozenset(
    [
        "auc",
        "auroc",
        "auprc",
        "acc",
        "accuracy",
        "f1",
        "fbeta",
        "precision",
        "recall",
        "sensitivity",
        "specificity",
        "r2",
        "ndcg",
        "mrr",
        "kappa",
        "mcc",
        "iou",
        "dice",
        "bleu",
        "rouge",
        "gini",
        "tpr",
        "tnr",
        "likelihood",
    ]
)
# Names that end in one of these count too: `trainloss`, `xrmse`, `prauc`. Any other word must be a part of the name.
_LOWER_ENDINGS = ("loss", "error", "mse", "mae", "mape")
_HIGHER_ENDINGS = ("auc", "accuracy")
# Words that mean "higher is better" unless another part of the name says more, as in `brier_score`.
_WEAK_HIGHER = frozenset({"score", "map", "ap"})
# Both directions are turned round: `neg_mean_squared_error`, `negative_log_likelihood`.
_NEGATED = frozenset({"neg", "negative"})
_PART = re.compile(r"[A-Z]?[a-z]+\d?(?![a-z])|[A-Z]+\d?(?![a-z])|[A-Za-z]\d")


def direction_of(metric: str) -> Direction:
    """Return the better direction of a metric, UNKNOWN where its name does not say it or says both."""
    parts = [part.casefold() for part in _PART.findall(metric)]
    is_lower, is_higher = _has(parts, _LOWER, _LOWER_ENDINGS), _has(parts, _HIGHER, _HIGHER_ENDINGS)
    if is_lower and is_higher:
        return Direction.UNKNOWN
    if not is_lower and not is_higher:
        return Direction.HIGHER if _WEAK_HIGHER & set(parts) else Direction.UNKNOWN
    return Direction.LOWER if is_lower != bool(_NEGATED & set(parts)) else Direction.HIGHER


def _has(parts: list[str], words: frozenset[str], endings: tuple[str, ...]) -> bool:
    return any(part in words or part.endswith(endings) for part in parts)
