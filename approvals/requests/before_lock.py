"""The look at a move before its lock is taken. A call that has nothing to write is answered from it.

Such a call refuses: the request waits for a decision, and scripts ask again every few seconds. Whatever moves a version
is decided under the lock.
"""

from __future__ import annotations

from django.db.models import BigIntegerField, TextField

from approvals.case.loading import Case, load_case
from approvals.check_runs.jobs import BROKEN
from approvals.models import LIVE_STATES, RequestState, TransitionRequest
from approvals.requests.open import RequestTerms
from approvals.requests.targets import is_at_target
from approvals.requests.verdict_cache import is_cached
from core.actors import Actor
from core.errors import Denied
from core.orm.compiled_models import CompiledModels
from core.orm.compiled_queries import Slot
from policies.request_kinds import RequestKind
from registry.gates import require_transition
from registry.inventory import is_retired
from registry.permissions import has_level, level_to_ask
from registry.queries import get_version

_LAST_REQUEST = CompiledModels(
    lambda: (
        TransitionRequest.objects.with_relations()
        .filter(version_id=Slot("version_id", BigIntegerField()), target=Slot("target", TextField()))
        .order_by("-pk")[:1]
    )
)


def find_standing_request(
    actor: Actor, name: str, version: int, target: str, terms: RequestTerms
) -> TransitionRequest | None:
    """Return the last request for a move, if it is live or rejected and this call would add nothing to it.

    Returns None where a request would be opened or changed, the move needs none, or the actor may not ask for it: that
    is decided under the lock. Raises NotFound.
    """
    row = get_version(actor, name, version)
    request = _LAST_REQUEST.first(version_id=row.pk, target=target)
    if request is None or request.state not in (*LIVE_STATES, RequestState.REJECTED) or is_at_target(row, target):
        return None
    adds_nothing = request.state == RequestState.REJECTED or _has_same_terms(request, terms)
    return request if adds_nothing and _may_ask(actor, request) else None


def _has_same_terms(request: TransitionRequest, terms: RequestTerms) -> bool:
    says_why = bool(request.comment.strip()) or not terms.comment.strip()
    same_archiving = terms.archive_existing == request.archive_existing and not request.archive_left_open
    same_time = terms.apply_after in (None, request.apply_after)
    return request.kind == RequestKind.PROMOTION and says_why and same_archiving and same_time


def _may_ask(actor: Actor, request: TransitionRequest) -> bool:
    version = request.version
    level = level_to_ask(version.stage, request.target)
    if actor.user_id is None or not has_level(actor, version.model, level) or is_retired(version.model):
        return False
    try:
        require_transition(version, request.target, actor=actor)
    except Denied:
        return False
    return True


def find_unchanged_case(request: TransitionRequest) -> Case | None:
    """Return the case of a standing request, if the request refuses the move as it did when it was settled last.

    Returns None where there is something to write: checks to queue, a policy to follow, an approval, an end, or
    another verdict than the cached one, which was evaluated under the lock.
    """
    if request.state not in (RequestState.OPEN, RequestState.REJECTED):
        return None
    case = load_case(request)
    if case.current is None or case.policy_changed or case.snapshot.subject_digest != request.subject_digest:
        return None
    if request.state == RequestState.REJECTED:
        return case
    if request.expires_at <= case.at:
        return None
    has_to_queue = any(rule.id not in case.jobs or case.jobs[rule.id].state in BROKEN for rule in case.check_rules)
    if has_to_queue or case.verdict.is_approved or not is_cached(case):
        return None
    return case
