"""The rights of many callers on many models, read together."""

from __future__ import annotations

from collections.abc import Callable, Collection

from core.actors import Actor
from registry.permissions import default_level, granted_levels, rules_all


def reading_rights(actors: Collection[Actor], model_ids: Collection[int]) -> Callable[[Actor, int], bool]:
    """Return a function that says whether one of these actors may read one of these models. At most two queries."""
    by_default = default_level() is not None
    user_ids = {actor.user_id for actor in actors if actor.user_id is not None and not rules_all(actor)}
    granted = {} if by_default or not user_ids else granted_levels(model_ids, user_ids)

    def may_read(actor: Actor, model_id: int) -> bool:
        if rules_all(actor):
            return True
        return actor.user_id is not None and (by_default or (model_id, actor.user_id) in granted)

    return may_read
