"""Permissions to review a version outside of a request: in a re-review, or in the post-review of a break-glass move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.utils import timezone

from accounts.authentication import find_signed_in_person
from approvals.case.account_doubts import doubt_about, load_account_facts, parties_of
from approvals.case.incumbents import Move
from approvals.case.re_review_dates import ReReviewDue
from approvals.case.reviewer_roles import review_rights
from approvals.case.subjects import load_subject, people_by_role
from approvals.models import Decision, RequestState, Review, TransitionRequest
from approvals.models.oversight import PostReview
from approvals.permissions.people import refusal_unless_in_person
from approvals.permissions.refusal import Refusal
from approvals.verdict.facts import ReviewFacts
from approvals.verdict.votes import excluded_people, involvement, voting_rights
from audit.actions import Action
from core.actors import Actor
from core.refs import Auditable
from policies.matching import load_revision, policy_for
from policies.rule_texts import voters_text
from policies.rules import ApprovalsRule, Rule
from registry.models import ModelVersion, RegisteredModel


def refusal_to_confirm_version(
    actor: Actor, version: ModelVersion, reviews_due: Iterable[ReReviewDue]
) -> Refusal | None:
    """Return the refusal of an actor who may not re-review a version; None if they may.

    The actor must be able to approve a request for the target of each of ``reviews_due`` under its policy, and must not
    be involved in the work. The first refusal is returned.
    """
    return next((refusal for due in reviews_due if (refusal := _refusal_for_target(actor, version, due))), None)


def _refusal_for_target(actor: Actor, version: ModelVersion, due: ReReviewDue) -> Refusal | None:
    subject = load_subject(Move(version, due.target, archive_existing=False))
    applied = TransitionRequest.objects.filter(version=version, target=due.target, state=RequestState.APPLIED)
    requester = applied.order_by("-closed_at").values_list("requester__username", flat=True).first() or ""
    return _refusal_to_review(
        actor,
        version.model,
        due.policy.body.rules,
        people_by_role([subject], [requester], rules=[due.policy.body.rules])[0],
        window=due.policy.body.options.new_account_window,
        action=Action.APPROVALS_RE_REVIEW_GIVEN,
        obj=version,
    )


def refusal_to_complete_post_review(actor: Actor, row: PostReview) -> Refusal | None:
    """Return the refusal of an actor who may not complete a post-review; None if they may.

    The actor must be able to approve under the policy of the request or of today, or be in a group that may use
    break-glass. The requester, the second person who approved, and everybody involved in the work may not.
    """
    request = row.request
    action = Action.APPROVALS_POST_REVIEW_COMPLETED
    if actor.user_id == row.requester_id:
        return Refusal(f"{actor.name} used break-glass: somebody else has to review the move.", action, request)
    if actor.name in approvers_of(request):
        return Refusal(f"{actor.name} approved the break-glass move: somebody else has to review it.", action, request)
    governing = [load_revision(request.policy_revision), policy_for(request.version.model, request.target)]
    policies = [policy for policy in governing if policy is not None]
    options = [policy.body.options.break_glass for policy in policies]
    rules = [rule for policy in policies for rule in policy.body.rules]
    subject = load_subject(Move(request.version, request.target, request.archive_existing))
    return _refusal_to_review(
        actor,
        request.version.model,
        rules,
        people_by_role([subject], [row.requester.username], rules=[rules])[0],
        window=max((policy.body.options.new_account_window for policy in policies), default=timedelta()),
        groups={name for option in options if option is not None for name in option.groups},
        action=action,
        obj=request,
    )


def approvers_of(request: TransitionRequest) -> list[str]:
    """Return the usernames of the approvers of a request, sorted."""
    rows = Review.objects.filter(request=request, decision=Decision.APPROVE).order_by("reviewer__username")
    return list(rows.values_list("reviewer__username", flat=True).distinct())


def _refusal_to_review(
    actor: Actor,
    model: RegisteredModel,
    rules: Iterable[Rule],
    people: Mapping[str, frozenset[str]],
    *,
    action: Action,
    obj: Auditable,
    window: timedelta,
    groups: Iterable[str] = (),
) -> Refusal | None:
    """Return the refusal of an actor who may not review a version of a model under these rules; None if they may.

    The actor must be a person who is signed in. They must have a vote under one of the approvals ``rules``, or be in
    one of ``groups``. They must not be one of the ``people`` whom the four-eyes rules exclude, and nobody involved may
    have changed their account within ``window``.
    """
    person = find_signed_in_person(actor)
    if person is None:
        return refusal_unless_in_person(actor, action, obj, purpose="do this")
    checked_rules = tuple(rules)
    if role := excluded_people(checked_rules, people).get(person.username):
        message = f"{person.username} cannot do this: {involvement(role)} (four eyes)."
        return Refusal(message, action, obj)
    now = timezone.now()
    facts = load_account_facts(now - window)
    if doubt := doubt_about(person.username, facts, parties_of(people), window, now):
        return Refusal(f"{person.username} cannot do this: {doubt}.", action, obj)
    approvals = [rule for rule in checked_rules if isinstance(rule, ApprovalsRule)]
    own_groups, roles = review_rights([(model.pk, person.pk)])[model.pk, person.pk]
    vote = ReviewFacts(person.username, own_groups, Decision.APPROVE, "", now, roles=roles)
    if any(voting_rights(rule, vote, model.name) for rule in approvals) or not own_groups.isdisjoint(groups):
        return None
    needed = dict.fromkeys([*(voters_text(rule) for rule in approvals), *sorted(groups)])
    message = f"{person.username} is not among those who can review this: {' or '.join(needed) or 'nobody'}."
    return Refusal(message, action, obj)
