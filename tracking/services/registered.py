"""Noting that a model version was made of a run and of a logged model: from then on changes may need more."""

from __future__ import annotations

from tracking.models import LoggedModel, Run


def mark_registered(*, run_id: str, model_id: str) -> None:
    """Note it, in the transaction that makes the version. An id of nothing is ignored."""
    if run_id:
        Run.objects.filter(pk=run_id, is_registered=False).update(is_registered=True)
    if model_id:
        LoggedModel.objects.filter(pk=model_id, is_registered=False).update(is_registered=True)
