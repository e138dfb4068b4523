"""Marks runs and logged models from which a model version was registered: changes to them then need more rights."""

from __future__ import annotations

from tracking.models import LoggedModel, Run


def mark_registered(*, run_id: str, model_id: str) -> None:
    """Mark a run and a logged model, in the transaction that registers the version. "" and unknown ids are ignored."""
    if run_id:
        Run.objects.filter(pk=run_id, is_registered=False).update(is_registered=True)
    if model_id:
        LoggedModel.objects.filter(pk=model_id, is_registered=False).update(is_registered=True)
