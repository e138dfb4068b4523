"""Whether a change of a metric is for the better, judged by the metric's name."""

from __future__ import annotations

import re

# Which way is better is known for these; for other metrics a difference is shown without judging it.
_LOWER = re.compile(r"(loss|error|rmse|mae|mse|mape|brier|perplexity|latency|ece)", re.IGNORECASE)


_HIGHER = re.compile(r"(auc|acc|f1|precision|recall|r2|score|ndcg|map@|kappa|mcc|average_precision)", re.IGNORECASE)


_NOISE = 1e-12


def verdict_on(key: str, delta: float) -> tuple[str, str]:
    """Return the tone and word for a difference of a metric: better, worse, same, or no judgement."""
    if abs(delta) < _NOISE:
        return "none", "same"
    lower, higher = _LOWER.search(key), _HIGHER.search(key)
    if bool(lower) == bool(higher):
        return "none", "changed"
    better = (delta < 0) if lower else (delta > 0)
    return ("ok", "better") if better else ("bad", "worse")
