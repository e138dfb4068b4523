"""Pinned facts of runs: of promoted versions, with which the next version is compared, and of closed requests."""

from __future__ import annotations

from django.db import models

from approvals.models.requests import TransitionRequest
from core.append_only import AppendOnlyModel
from registry.models import ModelVersion


class PromotionPin(AppendOnlyModel):
    """The facts of a version's run when it came to Production or to an alias (``target``). The newest one counts.

    ``facts`` are those of validation.base.RunFacts as JSON, ``event_id`` is the promotion.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="pins")
    target = models.CharField(max_length=256)
    event_id = models.UUIDField(unique=True)
    facts = models.JSONField()
    pinned_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"facts of {self.version_id} at {self.target}, {self.pinned_at:%Y-%m-%d %H:%M}"


class ClosingPin(AppendOnlyModel):
    """The facts of the candidate's run when a request was closed, as JSON like those of a PromotionPin."""

    request = models.OneToOneField(TransitionRequest, on_delete=models.PROTECT, related_name="closing_pin")
    facts = models.JSONField()

    def __str__(self) -> str:
        return f"facts of the candidate of request #{self.request_id}"
