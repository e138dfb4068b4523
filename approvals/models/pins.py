"""Models of pinned run facts: those of promoted versions, and those of the versions of closed requests."""

from __future__ import annotations

from django.db import models

from approvals.models.requests import TransitionRequest
from core.append_only import AppendOnlyModel
from registry.models import ModelVersion


class PromotionPin(AppendOnlyModel):
    """The facts of a version's run when the version came to Production or to an alias (``target``). The newest counts.

    The next version is compared with them. ``facts`` is a validation.base.RunFacts as JSON; ``event_id`` is the audit
    event of the promotion.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="pins")
    target = models.CharField(max_length=256)
    event_id = models.UUIDField(unique=True)
    facts = models.JSONField()
    pinned_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"facts of {self.version_id} at {self.target}, {self.pinned_at:%Y-%m-%d %H:%M}"


class ClosingPin(AppendOnlyModel):
    """The facts of the run of a request's version when the request was closed. ``facts`` as in PromotionPin."""

    request = models.OneToOneField(TransitionRequest, on_delete=models.PROTECT, related_name="closing_pin")
    facts = models.JSONField()

    def __str__(self) -> str:
        return f"facts of the candidate of request #{self.request_id}"
