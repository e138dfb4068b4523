"""Finds the stream of the events of a name, and decides who may read the whole log.

This app knows no models, so it asks the callables in ``AUDIT_SUBJECTS``, in order: ``(actor, name) -> stream key``.
Each raises NotFound where it does not know the name or the actor may not read it; the first that knows the name
decides.
"""

from __future__ import annotations

from typing import Protocol

from django.conf import settings
from django.contrib.auth.models import Group
from django.utils.module_loading import import_string

from core.actors import Actor, ActorKind
from core.errors import Denied, NotFound
from core.refs import AUDIT_LOG

AUDITORS = "auditors"


class Subject(Protocol):
    """The interface of an entry of AUDIT_SUBJECTS."""

    def __call__(self, actor: Actor, name: str) -> str:
        """Return the stream of a name. Raises NotFound."""


def find_stream(actor: Actor, name: str) -> str:
    """Return the stream of a name. Raises NotFound where no subject knows it or the actor may not read it."""
    error = NotFound(f"Nothing called {name!r} has an audit trail.")
    for path in settings.AUDIT_SUBJECTS:
        subject: Subject = import_string(path)
        try:
            return subject(actor, name)
        except NotFound as unknown:
            error = unknown
    raise error


def may_read_whole_log(actor: Actor) -> bool:
    """Return whether the actor may read all events: auditors, superusers and the system may."""
    if actor.is_superuser or actor.kind is ActorKind.SYSTEM:
        return True
    return actor.user_id is not None and Group.objects.filter(name=AUDITORS, user__pk=actor.user_id).exists()


def require_whole_log(actor: Actor, *, action: str) -> None:
    """Raises Denied for actors who may not read all events."""
    if not may_read_whole_log(actor):
        raise Denied(
            f"{actor.name} may not read the whole audit log: only the group {AUDITORS} may. Name a model.",
            action=action,
            obj=AUDIT_LOG,
        )
