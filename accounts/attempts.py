"""Rate limits for attempts such as sign-ins. An attempt is counted before its outcome is known."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from accounts.models import AttemptCount
from core.statements import fetch, portable

# One statement reads and raises the count, so that parallel attempts cannot all see the old count. After the window has
# passed, the count begins again.
_CLAIM = portable(
    "INSERT INTO accounts_attemptcount (key, attempts, since) VALUES (%s, 1, %s)"
    " ON CONFLICT (key) DO UPDATE SET"
    " attempts = CASE WHEN accounts_attemptcount.since < %s THEN 1 ELSE accounts_attemptcount.attempts + 1 END,"
    " since = CASE WHEN accounts_attemptcount.since < %s THEN excluded.since ELSE accounts_attemptcount.since END"
    " RETURNING attempts"
)


def claim_attempt(subject: str, *, limit: int, window: timedelta) -> bool:
    """Count an attempt and return whether it is one of the first ``limit`` in ``window``. Call it in no transaction."""
    now = timezone.now()
    passed = now - window
    [(attempts,)] = fetch(_CLAIM, [_key(subject), now, passed, passed])
    if attempts == 1:
        AttemptCount.objects.filter(since__lt=passed).delete()
    return int(attempts) <= limit


def return_attempt(subject: str) -> None:
    """Subtract an attempt that succeeded from the count."""
    AttemptCount.objects.filter(key=_key(subject), attempts__gt=0).update(attempts=F("attempts") - 1)


def _key(subject: str) -> str:
    return hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()
