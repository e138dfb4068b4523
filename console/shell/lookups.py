"""Models, versions and runs by name for the pages, with errors for people.

The queries of the apps raise errors with the texts of MLflow's protocol.
"""

from __future__ import annotations

from core.actors import Actor
from core.errors import NotFound
from registry.models import ModelVersion, RegisteredModel
from registry.queries import get_model, get_version, version_by_alias
from tracking.permissions.runs import require_readable_run
from tracking.queries import RunFacts, run_facts

_SHOWN = 100


def find_model(actor: Actor, name: str) -> RegisteredModel:
    """Return a model this person may see. Raises NotFound."""
    try:
        return get_model(actor, name)
    except NotFound as error:
        raise NotFound(f"No model is called {name[:_SHOWN]}.") from error


def find_version(actor: Actor, name: str, number: int) -> ModelVersion:
    """Return a version of a model this person may see. Raises NotFound."""
    model = find_model(actor, name)
    try:
        return get_version(actor, name, number)
    except NotFound as error:
        raise NotFound(f"{model.name} has no version {number}.") from error


def find_version_by_alias(actor: Actor, name: str, alias: str) -> ModelVersion:
    """Return the version that an alias points at. Raises NotFound."""
    model = find_model(actor, name)
    try:
        return version_by_alias(actor, name, alias)
    except NotFound as error:
        raise NotFound(f"{model.name} has no alias @{alias[:_SHOWN]}.") from error


def find_run_facts(actor: Actor, run_id: str) -> RunFacts:
    """Return a run this person may see, with what it logged. Raises NotFound."""
    try:
        facts = run_facts(run_id)
        require_readable_run(actor, facts.run)
    except NotFound as error:
        raise NotFound(f"There is no run {run_id[:_SHOWN]}.") from error
    return facts
