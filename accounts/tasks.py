"""Celery tasks of accounts: ending memberships, deleting expired sessions and expired tokens of jobs."""

from __future__ import annotations

from celery import shared_task

from accounts import sessions
from accounts.groups import expiry
from accounts.workload import retention


@shared_task(name="accounts.tasks.forget_sessions")
def forget_sessions() -> int:
    """Delete the sessions of browsers and the tokens of jobs that expired CUSTODY_SESSION_DAYS days ago.

    Return how many.
    """
    return sessions.forget_sessions() + retention.forget_exchanges()


@shared_task(name="accounts.tasks.sweep_memberships")
def sweep_memberships() -> int:
    """Announce the end of memberships that end soon, and end those that have expired; return how many."""
    return expiry.sweep_memberships()
