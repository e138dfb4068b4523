"""Celery tasks of accounts: deleting expired sessions."""

from __future__ import annotations

from celery import shared_task

from accounts import sessions


@shared_task(name="accounts.tasks.forget_sessions")
def forget_sessions() -> int:
    """Delete the sessions of browsers that expired CUSTODY_SESSION_DAYS days ago; return how many."""
    return sessions.forget_sessions()
