"""Sessions of browsers: where a person is signed in, for the person to look at."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models.people import User


class BrowserSession(models.Model):
    """A session of a browser in which a person signed in: since when, from where, and when it was last used.

    ``session_key`` is that of Django's session, which holds until it is deleted. ``browser`` is the header User-Agent.
    ``last_used_at`` is exact to some minutes.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="browser_sessions")
    session_key = models.CharField(max_length=40, unique=True)
    address = models.CharField(max_length=64, default="", blank=True)
    browser = models.CharField(max_length=300, default="", blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"session of {self.user_id} since {self.started_at}"
