"""Deletes the tokens of jobs that have expired, which are many."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.models import ApiToken, TokenExchange
from core.sweeps import kept_since


def forget_exchanges(*, now: datetime | None = None) -> int:
    """Delete exchanges and their tokens that expired more than CUSTODY_SESSION_DAYS days ago; return how many."""
    before = kept_since(settings.SESSION_DAYS, now=now)
    if before is None:
        return 0
    with transaction.atomic():
        expired = TokenExchange.objects.filter(expires_at__lt=before)
        tokens = list(expired.values_list("token_id", flat=True)[:10_000])
        TokenExchange.objects.filter(token_id__in=tokens).delete()
        return ApiToken.objects.filter(pk__in=tokens).delete()[0]
