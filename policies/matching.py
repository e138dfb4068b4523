"""Selection of the policy that governs a move: one, or none.

Candidates are the active policies for the target whose scope includes the model. The policy with the longest name
pattern wins, then the one with more tags, then one with risk tiers, then the first by name. Without a candidate no
policy governs the move, and only permissions matter. A model without a risk assessment is in tier high.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery

from core.errors import InvalidInput, InvalidState
from core.orm.compiled_models import CompiledModels
from policies.models import PolicyRevision
from policies.parsing import parse_published
from policies.rules import PolicyBody
from policies.targets import REGISTRATION
from registry.models import RegisteredModel, RegisteredModelTag
from registry.risk import UNASSESSED_TIER, tiers_of


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The facts that decide which policy governs a model: its name, tags and risk tier."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    tier: str = UNASSESSED_TIER


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A revision of a policy with its body parsed."""

    revision: PolicyRevision
    body: PolicyBody

    @property
    def label(self) -> str:
        """Return the policy's name and revision number: `production-default r3`."""
        return f"{self.revision.policy.name} r{self.revision.number}"


@dataclass(slots=True)
class _Readings:
    """Policies that a `policies_read_once` block has read, and facts of models by their ids."""

    policies: list[LoadedPolicy] | None = None
    models: dict[int, ModelFacts] = field(default_factory=dict)


_readings: ContextVar[_Readings | None] = ContextVar("_readings", default=None)


@contextmanager
def policies_read_once() -> Iterator[None]:
    """Read the active policies, and the facts of a model that select one, once in the block, at their first use.

    One move is decided under one set of policies. The block is a part of one transaction, which publishes no policy and
    changes no model otherwise than by moving its versions. It locks the model before it reads.
    """
    token = _readings.set(_Readings()) if _readings.get() is None else None
    try:
        yield
    finally:
        if token is not None:
            _readings.reset(token)


def active_policies() -> list[LoadedPolicy]:
    """Return the newest revision of every active policy; one query, none where `policies_read_once` has read them.

    Raises InvalidState when this server cannot read one of them.
    """
    readings = _readings.get()
    if readings is None:
        return _read_policies()
    if readings.policies is None:
        readings.policies = _read_policies()
    return list(readings.policies)


def _newest_revisions() -> QuerySet[PolicyRevision]:
    latest = PolicyRevision.objects.filter(policy=OuterRef("policy")).order_by("-number").values("pk")[:1]
    return PolicyRevision.objects.filter(policy__is_active=True, pk=Subquery(latest)).select_related("policy")


_NEWEST = CompiledModels(_newest_revisions)


def _read_policies() -> list[LoadedPolicy]:
    return [load_revision(row) for row in _NEWEST.all()]


def load_revision(revision: PolicyRevision) -> LoadedPolicy:
    """Return a revision with its body parsed.

    Raises InvalidState when this server cannot read it, because a newer release wrote it.
    """
    try:
        return LoadedPolicy(revision=revision, body=_parsed(json.dumps(revision.body), tuple(settings.CHECKS)))
    except InvalidInput as error:
        raise InvalidState(f"This server cannot apply the policy {revision}: {error.message}") from error


@lru_cache(maxsize=256)
def _parsed(body: str, _checks: tuple[str, ...]) -> PolicyBody:
    """Return a body (JSON) parsed. The checks of the settings decide which rules can be applied.

    A promotion reads the policies several times while it holds a lock. Callers share a parsed policy, which is frozen.
    The key is the whole body, so a row with a wrong digest is read as it is.
    """
    return parse_published(json.loads(body))


def model_facts(models: Iterable[RegisteredModel]) -> dict[int, ModelFacts]:
    """Return the facts of each model, by its id; two queries however many there are, none for those read once."""
    rows = {model.pk: model for model in models}
    readings = _readings.get()
    if readings is None:
        return _read_models(rows)
    readings.models |= _read_models({pk: model for pk, model in rows.items() if pk not in readings.models})
    return {pk: readings.models[pk] for pk in rows}


def _read_models(rows: Mapping[int, RegisteredModel]) -> dict[int, ModelFacts]:
    if not rows:
        return {}
    tags: dict[int, dict[str, str]] = {}
    for model_id, key, value in RegisteredModelTag.objects.filter(model__in=rows).values_list(
        "model_id", "key", "value"
    ):
        tags.setdefault(model_id, {})[key] = value
    tiers = tiers_of(rows)
    return {
        pk: ModelFacts(name=model.name, tags=tags.get(pk, {}), tier=tiers.get(pk, UNASSESSED_TIER))
        for pk, model in rows.items()
    }


def in_scope(body: PolicyBody, model: ModelFacts) -> bool:
    """Return whether a policy's scope includes a model."""
    return (
        fnmatchcase(model.name, body.models)
        and all(model.tags.get(key) == value for key, value in body.tags.items())
        and (not body.tiers or model.tier in body.tiers)
    )


def governing_policy(policies: Sequence[LoadedPolicy], model: ModelFacts, target: str) -> LoadedPolicy | None:
    """Return the policy among these that governs moves of this model to this target; None without one."""
    matching = [policy for policy in policies if policy.body.target == target and in_scope(policy.body, model)]
    return min(matching, key=_precedence, default=None)


def _precedence(policy: LoadedPolicy) -> tuple[object, ...]:
    body = policy.body
    return (-len(body.models), -len(body.tags), not body.tiers, body.name)


def is_governed(model: RegisteredModel) -> bool:
    """Return whether an active policy governs any move of this model."""
    facts = model_facts([model])[model.pk]
    moves = (policy for policy in active_policies() if policy.body.target != REGISTRATION)
    return any(in_scope(policy.body, facts) for policy in moves)


def policy_for(model: RegisteredModel, target: str) -> LoadedPolicy | None:
    """Return the active policy that governs moves of this model to this target; None without one."""
    policies = [policy for policy in active_policies() if policy.body.target == target]
    return governing_policy(policies, model_facts([model])[model.pk], target) if policies else None
