"""Watching a model: its watchers are notified of every move.

A watch is a preference of the watcher, so it is not audited.
"""

from __future__ import annotations

from django.utils import timezone

from accounts.models import User
from core.actors import Actor
from core.errors import InvalidInput
from notices.models import Watch
from registry.queries import get_model


def watch_model(*, actor: Actor, name: str) -> Watch:
    """Watch a model for the actor and return the watch; watching again changes nothing.

    Raises NotFound. Raises InvalidInput unless the actor is a person, because nobody reads the notifications of a
    service account.
    """
    model = get_model(actor, name)
    person = User.objects.filter(pk=actor.user_id or 0, is_active=True, is_service=False).first()
    if person is None:
        raise InvalidInput("Only people can watch models: nobody reads the notifications of a service account.")
    return Watch.objects.get_or_create(person=person, model=model, defaults={"since": timezone.now()})[0]


def stop_watching(*, actor: Actor, name: str) -> None:
    """Delete the actor's watch of a model; without one nothing happens. Raises NotFound."""
    Watch.objects.filter(person_id=actor.user_id, model=get_model(actor, name)).delete()
