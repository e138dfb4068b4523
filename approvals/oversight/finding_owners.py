"""The person who has to resolve a finding or a condition, by username."""

from __future__ import annotations

from accounts.models import User
from core.errors import InvalidInput
from registry.models import RegisteredModel
from registry.permissions import who_may_read


def person_who_may_own(username: str, model: RegisteredModel, *, owned: str) -> User:
    """Return the active person with this name, who may read the model.

    ``owned`` is what they would own, for the message. Raises InvalidInput: there is nobody, or it is a service account.
    """
    rows = User.objects.filter(username=username[:150], is_active=True, is_service=False)
    person = None if "\x00" in username else rows.first()
    if person is None or person.pk not in who_may_read(model.pk, [person]):
        raise InvalidInput(f"{username[:150]!r} cannot own {owned} on {model.name}: name a person who may read it.")
    return person
