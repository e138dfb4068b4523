"""Reads for the pages of policies."""

from __future__ import annotations

from django.db.models import F, OuterRef, QuerySet, Subquery

from policies.models import Policy, PolicyRevision


def policy_rows() -> QuerySet[Policy]:
    """Return policies with the number and time of their newest revision."""
    newest = PolicyRevision.objects.filter(policy=OuterRef("pk")).order_by("-number")
    return Policy.objects.annotate(
        revision=Subquery(newest.values("number")[:1]), published_at=Subquery(newest.values("published_at")[:1])
    ).order_by("target", F("models_pattern"), "name")
