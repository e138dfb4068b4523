"""The states of many models at once, for callers who wait for a change: what the serving read would answer now.

A caller's rights are read in the same call as the states, so an answer is never about more than the caller may see.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from core.actors import Actor
from core.errors import NotFound
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import model_not_found
from registry.production.rights import reading_rights
from registry.production.serving import etag_of_models, nothing_in_production, row_of, state_of_row

_BATCH = 500


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model as the serving read answers it. ``etag`` and ``body`` are empty where nothing is in Production.

    The ETag also changes when a review falls due. ``promoted_at`` is when the version was moved to Production.
    """

    model_id: int
    name: str
    etag: str = ""
    body: bytes = b""
    promoted_at: datetime.datetime | None = None


States = Mapping[str, ModelState]


def read_states(names: Collection[str]) -> dict[str, ModelState]:
    """Return the states of those of these models that exist, by name. Two queries for every 500 names."""
    states: dict[str, ModelState] = {}
    ordered = sorted(names)
    for start in range(0, len(ordered), _BATCH):
        some = ordered[start : start + _BATCH]
        models = dict(RegisteredModel.objects.filter(name__in=some, deleted_at__isnull=True).values_list("pk", "name"))
        states |= {name: ModelState(model_id, name) for model_id, name in models.items()}
        for version in ModelVersion.objects.filter(model__in=models, is_current=True, deleted_at__isnull=True):
            states[models[version.model_id]] = _state_of(models[version.model_id], version)
    return states


def _state_of(name: str, version: ModelVersion) -> ModelState:
    etag, body = state_of_row(name, row_of(version))
    return ModelState(version.model_id, name, etag, body, version.staged_at)


def visible_states(
    states: States, actors: Mapping[str, Actor], names: Mapping[str, Sequence[str]]
) -> dict[str, States]:
    """Return for each caller the states that they may see, of the models that ``names`` has for them."""
    may_read = reading_rights(list(actors.values()), {state.model_id for state in states.values()})
    return {
        caller: {
            name: states[name] for name in names[caller] if name in states and may_read(actor, states[name].model_id)
        }
        for caller, actor in actors.items()
    }


def require_production(states: States, name: str) -> ModelState:
    """Return the state of a model with a version in Production.

    Raises NotFound for a model that is missing, hidden, or has nothing in Production, as the serving read does.
    """
    state = states.get(name)
    if state is None:
        raise NotFound(model_not_found(name))
    if not state.etag:
        raise NotFound(nothing_in_production(name))
    return state


def etag_of_states(names: Sequence[str], states: States) -> str:
    """Return the ETag of the answer about these models, as `GET /api/v1/production` has it."""
    return etag_of_models(names, {name: state.etag for name, state in states.items() if state.etag})
