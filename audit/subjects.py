"""From a name to the stream of its events. Audit is the floor and knows no models: it asks the list in settings.

Each entry of ``AUDIT_SUBJECTS`` is the dotted path of a callable ``(actor, name) -> stream key`` that raises NotFound where
there is no such thing or the actor may not read it; the first that knows the name decides.
"""

from __future__ import annotations

from typing import Protocol

from django.conf import settings
from django.contrib.auth.models import Group
from django.utils.module_loading import import_string

from core.actors import Actor, ActorKind
from core.errors import Denied, NotFound

AUDITORS = "auditors"


class Subject(Protocol):
    """What an entry of AUDIT_SUBJECTS must be."""

    def __call__(self, actor: Actor, name: str) -> str: ...


def find_stream(actor: Actor, name: str) -> str:
    """Return the stream of what is called ``name``. NotFound where nobody knows it or the actor may not read it."""
    error = NotFound(f"There is no {name!r} to audit.")
    for path in settings.AUDIT_SUBJECTS:
        subject: Subject = import_string(path)
        try:
            return subject(actor, name)
        except NotFound as unknown:
            error = unknown
    raise error


def may_read_whole_log(actor: Actor) -> bool:
    """Say whether the actor may read events of everything: auditors, superusers and the system."""
    if actor.is_superuser or actor.kind is ActorKind.SYSTEM:
        return True
    return actor.user_id is not None and Group.objects.filter(name=AUDITORS, user__pk=actor.user_id).exists()


def require_whole_log(actor: Actor, *, action: str) -> None:
    """Refuse everybody who may not read events of everything."""
    if not may_read_whole_log(actor):
        raise Denied(
            f"{actor.name} may not read the whole audit log: only the group {AUDITORS} may. Name a model.",
            action=action,
            obj="audit:log",
        )
