"""Policies, and their revisions as they were published."""

from __future__ import annotations

from django.db import models

from audit.append_only import AppendOnlyModel


class Policy(models.Model):
    """A named list of rules for a target and the models in its scope.

    ``target`` (a stage or an @alias) and ``models_pattern`` repeat what the latest revision says, for lists and filters.
    """

    name = models.CharField(max_length=100, unique=True)
    target = models.CharField(max_length=256)
    models_pattern = models.CharField(max_length=256, default="*")
    is_active = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name


class PolicyRevision(AppendOnlyModel):
    """The rules as they were published. Never changed; ``digest`` is SHA-256 of the canonical body."""

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="revisions", db_index=False)
    number = models.PositiveIntegerField()
    body = models.JSONField()
    digest = models.CharField(max_length=64)
    published_by = models.CharField(max_length=150)
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["policy", "number"], name="approvals_revision_number")]

    def __str__(self) -> str:
        return f"{self.policy} r{self.number}"
