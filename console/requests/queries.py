"""Transition requests for the pages: one by its id, and those that wait for a person's decision.

The list is one query. It reads the cached verdicts (approvals/requests/verdict_cache.py), so it may be some seconds
old. For a single request, `approvals.permissions.reviews` evaluates afresh whether somebody may decide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import DateTimeField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.utils import timezone

from approvals.models import (
    Decision,
    Delegation,
    InboxKey,
    InboxKeyKind,
    RequestState,
    Review,
    TransitionRequest,
    TransitionRequestQuerySet,
)
from approvals.permissions.reviews import delegations_in_force
from approvals.requests.queries import get_request
from core.actors import Actor, ActorKind
from core.errors import NotFound
from core.ids import row_id
from core.orm.compiled_queries import CompiledQuery, Slot, compiled, identity_of
from policies.rule_parsing import MODEL_ROLES
from registry.permissions import Level, granted_models, visible_versions

_NOW = "now"


def find_request(actor: Actor, request_id: int | str) -> TransitionRequest:
    """Return a request of a version this person may see. Raises NotFound."""
    number = row_id(request_id)
    if not number:
        raise NotFound(f"There is no transition request {str(request_id)[:40]}.")
    return get_request(actor, number)


def waiting_for(actor: Actor) -> QuerySet[TransitionRequest]:
    """Return the open requests that this person can decide on, also as a delegate, the oldest first."""
    return _waiting(actor, _delegations(actor), timezone.now())


def count_waiting(actor: Actor) -> int:
    """Return how many requests `waiting_for` has. Its SQL is written once for a person who is nobody's delegate."""
    if delegations := _delegations(actor):
        return _waiting(actor, delegations, timezone.now()).count()
    statement = _statement(identity_of(actor), settings.DEFAULT_MODEL_LEVEL, connection.vendor)
    return statement.count({_NOW: timezone.now()})


@lru_cache(maxsize=512)
def _statement(actor: Actor, _default_level: str, _vendor: str) -> CompiledQuery:
    return compiled(_waiting(actor, (), Slot(_NOW, DateTimeField())).order_by().values("pk"))


def _delegations(actor: Actor) -> Sequence[Delegation]:
    rows = delegations_in_force().filter(delegate=actor.user_id).select_related("delegator")
    return list(rows) if actor.user_id is not None else []


def _waiting(actor: Actor, delegations: Sequence[Delegation], now: datetime | Slot) -> QuerySet[TransitionRequest]:
    rows = TransitionRequest.objects.filter(state=RequestState.OPEN, expires_at__gt=now)
    if actor.kind is not ActorKind.USER or actor.user_id is None:
        return rows.none()
    decides = _can_decide(actor.user_id, actor.name)
    for delegation in delegations:
        decides |= _can_decide_for(delegation)
    reviewed = Review.objects.filter(
        request=OuterRef("pk"), reviewer_id=actor.user_id, subject_digest=OuterRef("subject_digest")
    )
    rows = rows.filter(decides, ~_is_excluded(actor.name), ~Exists(reviewed), version__in=visible_versions(actor))
    return rows.order_by("opened_at", "pk")


def newest_first(rows: TransitionRequestQuerySet) -> TransitionRequestQuerySet:
    """Return requests with their relations, those that are not closed first, then the last closed."""
    return rows.with_relations().order_by(F("closed_at").desc(nulls_first=True), "-pk")


def pattern_regex(pattern: str) -> str:
    """Return a delegation's pattern (`*` and `?`) as a regular expression that both databases read alike."""
    return f"^{re.escape(pattern).replace(re.escape('*'), '.*').replace(re.escape('?'), '.')}$"


def _can_decide(user_id: int, name: str) -> Q:
    """Return the condition that a rule asks for a review by this person: by name, by group, or by role on the model."""
    inbox_keys = InboxKey.objects.filter(kind=InboxKeyKind.ASKED)
    groups = Group.objects.filter(user=user_id).annotate(key=Concat(Value("group:"), "name")).values("key")
    condition = Q(pk__in=inbox_keys.filter(Q(key__in=groups) | Q(key=f"user:{name}")).values("request"))
    for role in MODEL_ROLES:
        of_role = inbox_keys.filter(key=f"role:{role}").values("request")
        condition |= Q(pk__in=of_role, version__model__in=granted_models(user_id, Level[role.upper()]))
    return condition


def _can_decide_for(delegation: Delegation) -> Q:
    """Return the condition that a delegation can be used: the delegator can decide, and their approval is not given."""
    owner = delegation.delegator
    approved = Review.objects.filter(
        Q(reviewer=owner, on_behalf_of__isnull=True) | Q(on_behalf_of=owner),
        request=OuterRef("pk"),
        subject_digest=OuterRef("subject_digest"),
        decision=Decision.APPROVE,
    )
    models = Q()
    if delegation.models_pattern != "*":
        models = Q(version__model__name__regex=pattern_regex(delegation.models_pattern))
    return _can_decide(owner.pk, owner.username) & ~_is_excluded(owner.username) & ~Q(Exists(approved)) & models


def _is_excluded(name: str) -> Q:
    """Return the condition that somebody was involved in the version, so that four eyes exclude them."""
    return Q(Exists(InboxKey.objects.filter(kind=InboxKeyKind.EXCLUDED, key=name, request=OuterRef("pk"))))
