"""Approval sessions: for a few minutes a signed-in person may act from a script as they do on the pages.

API tokens never approve. Clients that can only send a token, such as the Databricks SDK, send the secret of an approval
session instead. Only a person who is signed in can start one, and must give the password again, or sign in again at
their identity provider. An approval session ends after fifteen minutes, when the person signs out, and when the
password changes.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.authentication import APPROVAL_PREFIX, password_mark, token_digest
from accounts.identity_proofs import use_proof
from accounts.models import ApprovalSession, User
from accounts.reauthentication import require_password, require_person
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Denied
from core.refs import user_ref

# What a proof by an identity provider is for.
PURPOSE = "approval-session"
APPROVAL_SESSION_LIFE = timedelta(minutes=15)


def live_sessions(user_id: int | None) -> QuerySet[ApprovalSession]:
    """Return the approval sessions of a person that have not ended."""
    rows = ApprovalSession.objects.filter(revoked_at__isnull=True, expires_at__gt=timezone.now())
    return rows.none() if user_id is None else rows.filter(user_id=user_id)


def start_approval_session(
    *, actor: Actor, password: str, session_key: str, proof: str = ""
) -> tuple[ApprovalSession, str]:
    """Start an approval session for a signed-in person and return it with its secret, which is not stored.

    It ends the earlier approval session of the person. ``proof`` is the secret of a proof by an identity provider, in
    place of the password. Raises Denied unless the actor is a person on the pages, for a wrong password or proof, and
    for any password after too many wrong ones.
    """
    user = require_person(actor, Action.ACCOUNT_APPROVAL_SESSION_STARTED, "start an approval session")
    if not session_key:
        raise _denied(actor, "Start the approval session in a browser in which you are signed in.")
    if not proof:
        require_password(actor, user, password, Action.ACCOUNT_APPROVAL_SESSION_STARTED)
    return _start(actor, user, session_key, proof)


@transaction.atomic
def _start(actor: Actor, user: User, session_key: str, proof: str) -> tuple[ApprovalSession, str]:
    if proof:
        _require_proof(actor, proof)
    _end(actor, live_sessions(user.pk).select_for_update())
    secret = APPROVAL_PREFIX + secrets.token_urlsafe(32)
    now = timezone.now()
    started = ApprovalSession.objects.create(
        user=user,
        digest=token_digest(secret),
        hint=secret[:10],
        issued_by=token_digest(session_key),
        password_mark=password_mark(user),
        started_at=now,
        expires_at=now + APPROVAL_SESSION_LIFE,
    )
    record(
        actor=actor,
        action=Action.ACCOUNT_APPROVAL_SESSION_STARTED,
        obj=user_ref(user.username),
        after={"approval_session": started.pk, "expires_at": started.expires_at},
    )
    return started, secret


@transaction.atomic
def end_approval_sessions(*, actor: Actor) -> None:
    """End the actor's own approval session; without one nothing happens."""
    _end(actor, live_sessions(actor.user_id).select_for_update())


@transaction.atomic
def end_sessions_of_sign_in(*, actor: Actor, session_key: str) -> None:
    """End the approval sessions of one sign-in, when the person signs out."""
    if session_key:
        rows = live_sessions(actor.user_id).filter(issued_by=token_digest(session_key))
        _end(actor, rows.select_for_update())


def end_sessions_of_keys(*, actor: Actor, user: User, session_keys: Sequence[str]) -> None:
    """End the approval sessions that were started in these sessions of a person's browsers."""
    digests = [token_digest(key) for key in session_keys]
    _end(actor, live_sessions(user.pk).filter(issued_by__in=digests).select_for_update(), username=user.username)


def _require_proof(actor: Actor, proof: str) -> None:
    used = use_proof(actor=actor, secret=proof, action=Action.ACCOUNT_APPROVAL_SESSION_STARTED)
    if used.purpose != PURPOSE:
        raise _denied(actor, "You confirmed who you are for something else. Confirm it for this.")


def _end(actor: Actor, rows: QuerySet[ApprovalSession], *, username: str = "") -> None:
    for row in rows:
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
        record(
            actor=actor,
            action=Action.ACCOUNT_APPROVAL_SESSION_ENDED,
            obj=user_ref(username or actor.name),
            before={"approval_session": row.pk},
        )


def _denied(actor: Actor, message: str) -> Denied:
    return Denied(message, action=Action.ACCOUNT_APPROVAL_SESSION_STARTED, obj=user_ref(actor.name))
