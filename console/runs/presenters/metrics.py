"""Judgement of a change of a metric by the name of the metric: better, worse, or only changed."""

from __future__ import annotations

import re

# Metrics whose better direction is known. A change of any other metric is shown without a judgement.
_LOWER_IS_BETTER = re.compile(r"(loss|error|rmse|mae|mse|mape|brier|perplexity|latency|ece)", re.IGNORECASE)
_HIGHER_IS_BETTER = re.compile(
    r"(auc|acc|f1|precision|recall|r2|score|ndcg|map@|kappa|mcc|average_precision)", re.IGNORECASE
)
_NOISE = 1e-12


def judge_change(key: str, delta: float) -> tuple[str, str]:
    """Return the tone (`ok`, `bad`, `none`) and the word for a difference: better, worse, same, or changed."""
    if abs(delta) < _NOISE:
        return "none", "same"
    lower, higher = _LOWER_IS_BETTER.search(key), _HIGHER_IS_BETTER.search(key)
    if bool(lower) == bool(higher):
        return "none", "changed"
    is_better = (delta < 0) if lower else (delta > 0)
    return ("ok", "better") if is_better else ("bad", "worse")
