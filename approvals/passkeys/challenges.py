"""Challenges for passkeys: what a person would sign, prepared before they decide. Nothing is stored."""

from __future__ import annotations

from accounts.passkeys.assertions import Challenge, new_challenge
from approvals.case.loading import load_case
from approvals.case.reviewer_roles import groups_of
from approvals.case.seen import require_seen_digest
from approvals.models import Decision, TransitionRequest
from approvals.passkeys.statements import break_glass_facts, override_facts, review_facts
from approvals.permissions.overrides import refusal_to_override
from approvals.permissions.oversight import refusal_to_break_glass
from approvals.permissions.people import refusal_unless_in_person
from approvals.permissions.refusal import deny_if
from approvals.permissions.reviews import eligibility_of, load_reviewer, refusal_to_decide
from approvals.verdict.evaluation import evaluate_rule
from audit.actions import Action
from core.actors import Actor
from core.errors import InvalidInput, InvalidState, NotFound
from policies.leaving import policies_for_move
from registry.models import ModelVersion


def review_challenge(
    *, actor: Actor, request: TransitionRequest, decision: str, comment: str, seen_digest: str, meaning: str = ""
) -> Challenge:
    """Return the challenge for a review of a request that the actor may see.

    Raises InvalidInput (the decision, the digest), Denied (`refusal_to_decide`), InvalidState (nobody can decide, no
    passkey), Conflict (the request has changed since it was seen).
    """
    if decision not in Decision.values:
        raise InvalidInput(f"Invalid decision: {decision[:100]}. Use {' or '.join(Decision.values)}.")
    case = load_case(request)
    eligibility = eligibility_of(load_reviewer(actor, [request.version.model_id]), case)
    deny_if(refusal_to_decide(actor, case, eligibility))
    if not eligibility.can_decide:
        raise InvalidState(eligibility.message)
    require_seen_digest(case, seen_digest, needed=True)
    facts = review_facts(
        case,
        by=actor.name,
        on_behalf_of=eligibility.on_behalf_of.username if eligibility.on_behalf_of else "",
        decision=decision,
        meaning=meaning,
        comment=comment,
    )
    on_device = case.snapshot.needs_device_passkey and decision == Decision.APPROVE
    return new_challenge(actor=actor, facts=facts, on_device=on_device)


def override_challenge(
    *, actor: Actor, request: TransitionRequest, rule: str, reason: str, seen_digest: str, meaning: str = ""
) -> Challenge:
    """Return the challenge for an override of a rule of a request that the actor may see.

    Raises NotFound (the rule), InvalidInput (the digest), Denied (`refusal_to_override`), InvalidState (no passkey),
    Conflict (the request has changed since it was seen).
    """
    case = load_case(request)
    policy_rule = next((row for row in case.rules if row.id == rule), None)
    if policy_rule is None:
        raise NotFound(f"Request #{request.pk} has no rule {rule[:110]}.")
    action = Action.APPROVALS_RULE_OVERRIDDEN
    deny_if(refusal_unless_in_person(actor, action, request, purpose="override a rule"))
    deny_if(refusal_to_override(actor, groups_of(actor), case, evaluate_rule(policy_rule, case.snapshot, case.at)))
    require_seen_digest(case, seen_digest, needed=True)
    facts = override_facts(case, by=actor.name, rule=rule, meaning=meaning, reason=reason)
    return new_challenge(actor=actor, facts=facts, on_device=case.snapshot.needs_device_passkey)


def break_glass_challenge(*, actor: Actor, version: ModelVersion, target: str, reason: str) -> Challenge:
    """Return the challenge for a request for break-glass.

    Raises Denied (`refusal_to_break_glass`), InvalidState (no policy allows it, no passkey).
    """
    policies = policies_for_move(version, target)
    policy = policies.governing
    if policy is None or policy.body.options.break_glass is None:
        raise InvalidState(f"No policy allows break-glass for a move to {target[:100]}.")
    deny_if(refusal_to_break_glass(actor, version, policy.body.options.break_glass))
    facts = break_glass_facts(version, by=actor.name, target=target, policy=policy, reason=reason)
    return new_challenge(actor=actor, facts=facts, on_device=policies.signed_on_device)
