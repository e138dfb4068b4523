"""Which open requests wait for one person, found in one query however many requests there are.

It asks what the last look at each request found (approvals/requests/verdict_cache.py), so it may lag some seconds behind; the word on
a single request is `approvals.permissions.reviews.eligibility_of`, which the request's page and the service give afresh.
"""

from __future__ import annotations

import re

from django.contrib.auth.models import Group
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.utils import timezone

from approvals.case.loading import Case
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
from approvals.permissions.reviews import Eligibility, Ineligibility, delegations_in_force
from core.actors import Actor, ActorKind
from policies.rule_parsing import MODEL_ROLES
from registry.permissions import Level, granted_models, visible_versions

_ROLES = {
    "requester": "You asked for this",
    "version_author": "You registered this version or sent files of it",
    "run_user": "You ran this training, or logged to its run",
    "card_editor": "You edited this model card",
    "check_author": "You posted the result of a check",
}


def waiting_for(actor: Actor) -> QuerySet[TransitionRequest]:
    """Return the open requests that wait for this person's word, on their own or on lent standing, the longest waiting first."""
    rows = TransitionRequest.objects.filter(state=RequestState.OPEN, expires_at__gt=timezone.now())
    if actor.kind is not ActorKind.USER or actor.user_id is None:
        return rows.none()
    asked = _asked(actor.user_id, actor.name)
    for lent in delegations_in_force().filter(delegate=actor.user_id).select_related("delegator"):
        asked |= _lent(lent)
    said = Review.objects.filter(
        request=OuterRef("pk"), reviewer_id=actor.user_id, subject_digest=OuterRef("subject_digest")
    )
    return rows.filter(asked, ~_excluded(actor.name), ~Exists(said), version__in=visible_versions(actor)).order_by(
        "opened_at", "pk"
    )


def obstacle(case: Case, eligibility: Eligibility) -> str:
    """Return why this person may not decide on an open request now, said to them; "" when they may."""
    if case.request.state != RequestState.OPEN:
        return ""
    match eligibility.reason:
        case Ineligibility.NO_APPROVAL_ASKED:
            return "The policy asks for no approval: the request is applied when its checks have passed."
        case Ineligibility.INVOLVED:
            return f"{_ROLES.get(eligibility.role, eligibility.role)}: four eyes. Somebody else must decide."
        case Ineligibility.NO_REVIEW_RIGHTS:
            asked = eligibility.needed
            return f"Only {asked} decide on this." if " the model" in asked or "owners" in asked else _members(asked)
        case _:
            return eligibility.message


def _members(groups: str) -> str:
    return f"Only a member of {groups} decides on this."


def _asked(user_id: int, name: str) -> Q:
    """Return the condition "this person's standing is asked for": a group, a role on the model, or owning it."""
    asked = InboxKey.objects.filter(kind=InboxKeyKind.ASKED)
    groups = Group.objects.filter(user=user_id).annotate(key=Concat(Value("group:"), "name")).values("key")
    found = Q(pk__in=asked.filter(Q(key__in=groups) | Q(key=f"user:{name}")).values("request"))
    for role in MODEL_ROLES:
        of_role = asked.filter(key=f"role:{role}").values("request")
        found |= Q(pk__in=of_role, version__model__in=granted_models(user_id, Level[role.upper()]))
    return found


def _lent(lent: Delegation) -> Q:
    """Return the condition "what was lent is asked for": its owner had no hand in it, and nobody has used it yet."""
    owner = lent.delegator
    used = Review.objects.filter(
        Q(reviewer=owner, on_behalf_of__isnull=True) | Q(on_behalf_of=owner),
        request=OuterRef("pk"),
        subject_digest=OuterRef("subject_digest"),
        decision=Decision.APPROVE,
    )
    models = Q() if lent.models_pattern == "*" else Q(version__model__name__regex=pattern_regex(lent.models_pattern))
    return _asked(owner.pk, owner.username) & ~_excluded(owner.username) & ~Q(Exists(used)) & models


def _excluded(name: str) -> Q:
    hands = InboxKey.objects.filter(kind=InboxKeyKind.EXCLUDED, key=name, request=OuterRef("pk"))
    return Q(Exists(hands))


def pattern_regex(pattern: str) -> str:
    """Return a pattern of a delegation (`*` and `?`) as the regular expression that both databases read alike."""
    return f"^{re.escape(pattern).replace(re.escape('*'), '.*').replace(re.escape('?'), '.')}$"


def newest_first(rows: TransitionRequestQuerySet) -> TransitionRequestQuerySet:
    """Return requests with what a line shows of each, the newest first."""
    return rows.with_relations().order_by(F("closed_at").desc(nulls_first=True), "-pk")
