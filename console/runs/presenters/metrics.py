"""Judgement of a change of a metric by the name of the metric: better, worse, or only changed."""

from __future__ import annotations

from tracking.metric_directions import direction_of

_NOISE = 1e-12


def judge_change(key: str, delta: float) -> tuple[str, str]:
    """Return the tone (`ok`, `bad`, `none`) and the word for a difference: better, worse, same, or changed."""
    if abs(delta) < _NOISE:
        return "none", "same"
    gain = direction_of(key) * delta
    if not gain:
        return "none", "changed"
    return ("ok", "better") if gain > 0 else ("bad", "worse")
