"""Drafts of forms: the values that a person has typed and not submitted yet."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class FormDraft(models.Model):
    """The unsent fields of one form of one person. ``key`` is the path of the form.

    A draft decides nothing and is not evidence, so saving one is not an audit event.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=500)
    fields = models.JSONField(default=dict)
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="console_formdraft_once")]

    def __str__(self) -> str:
        return f"draft of {self.owner} for {self.key}"
