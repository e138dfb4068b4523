"""Watching a model: people who watch it are notified of every move.

A preference of the person's own, so it is not audited.
"""

from __future__ import annotations

from django.utils import timezone

from accounts.models import User
from core.actors import Actor
from core.errors import InvalidInput
from notices.models import Watch
from registry.queries import get_model


def watch_model(*, actor: Actor, name: str) -> Watch:
    """Have the actor notified of the moves of a model, and return that; watching again changes nothing.

    Raises NotFound: the actor may not see such a model. Raises InvalidInput for all but people: nobody reads the
    notifications of a service account.
    """
    model = get_model(actor, name)
    person = User.objects.filter(pk=actor.user_id or 0, is_active=True, is_service=False).first()
    if person is None:
        raise InvalidInput("Only people watch models: nobody reads the notifications of a service account.")
    return Watch.objects.get_or_create(person=person, model=model, defaults={"since": timezone.now()})[0]


def stop_watching(*, actor: Actor, name: str) -> None:
    """No longer notify the actor of the moves of a model because they watch it.

    Raises NotFound where they may not see it.
    """
    Watch.objects.filter(person_id=actor.user_id, model=get_model(actor, name)).delete()
