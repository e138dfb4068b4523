"""Recipients and text of the notices of an event: one function for each kind of event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from approvals.case.loading import load_case
from approvals.case.request_rules import rules_at_close
from approvals.models import ApprovalComment, Decision, Delegation, TransitionRequest
from approvals.models.oversight import Finding
from approvals.models.requests import request_path
from approvals.permissions.requests import requesters_of
from approvals.requests.audience import eligible_reviewer_ids, mentioned_people, thread_participants
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from core.ids import row_id
from core.refs import finding_ref, request_ref
from notices.account_events import membership_ends
from notices.drafts import Draft, one_paragraph, version_path
from notices.model_events import (
    attestation_due,
    files_attested,
    production_left,
    retirement_asked,
    webhook_disabled,
)
from notices.models import Topic
from notices.moves import alias_moved, stage_changed
from notices.people import responsible_people
from notices.queries import policy_reviewers
from policies.rules import ApprovalsRule


@dataclass(frozen=True, slots=True)
class _Source:
    """An event with its facts, and the request it is about."""

    event: Event
    facts: dict[str, Any]
    request: TransitionRequest

    @property
    def subject(self) -> str:
        """Return the version and the target that the event is about."""
        return f"{self.request.version} → {self.request.target_text}"

    @property
    def actor(self) -> str:
        """Return the name of the person who caused the event, also where a worker acted for them."""
        return str(self.facts["actor"].get("on_behalf_of") or self.facts["actor"]["name"])

    @property
    def reason(self) -> str:
        """Return the reason that was given, "" for none."""
        return one_paragraph(self.facts["reason"])


def drafts_of(event: Event) -> list[Draft]:
    """Return the notices of an event, the most specific first. A person gets the first notice that names them."""
    action, event_facts = Action(event.action), facts(event)
    if action in _OF_REQUESTS:
        request = _request_of(event)
        return _OF_REQUESTS[action](_Source(event, event_facts, request)) if request is not None else []
    if action == Action.APPROVALS_COMMENT_ADDED:
        return _comment(event_facts)
    if action in _OTHERS:
        return _OTHERS[action](event)
    return _delegation(event_facts)


def _request_of(event: Event) -> TransitionRequest | None:
    number = row_id(event.object_ref.partition(":")[2])
    if request_ref(number) != event.object_ref:
        return None
    return TransitionRequest.objects.with_relations().filter(pk=number).first()


def _about(source: _Source, people: Iterable[int], topic: Topic, title: str, text: str = "") -> Draft:
    request = source.request
    return Draft(frozenset(people), topic, title, request_path(request.pk), text, request.version.model_id)


def _request_opened(source: _Source) -> list[Draft]:
    rules = rules_at_close(source.request).rules  # those that the request was opened under
    if not any(isinstance(rule, ApprovalsRule) for rule in rules):
        return []
    title = f"{source.request.requester} asks for your decision: {source.subject}"
    return [_about(source, eligible_reviewer_ids(load_case(source.request)), Topic.DECISION, title, source.reason)]


def _reminded(source: _Source) -> list[Draft]:
    people = eligible_reviewer_ids(load_case(source.request), undecided_only=True)
    return [_about(source, people, Topic.REMINDER, f"Still waiting for your decision: {source.subject}")]


_REVIEW_VERBS = {Decision.APPROVE: "approved", Decision.REQUEST_CHANGES: "asked for changes to"}


def _reviewed(source: _Source) -> list[Draft]:
    verb = _REVIEW_VERBS.get(source.facts["after"].get("decision", ""))
    if verb is None:  # a rejection closes the request, and the closed request has a notice
        return []
    return _to_requester(source, Topic.REVIEW, f"{source.actor} {verb} {source.subject}")


def _overridden(source: _Source) -> list[Draft]:
    rule = source.facts["after"].get("rule", "a rule")
    return _to_requester(source, Topic.REVIEW, f"{source.actor} overrode {rule} for {source.subject}")


def _override_withdrawn(source: _Source) -> list[Draft]:
    rule = source.facts["after"].get("rule", "a rule")
    title = f"{source.actor} withdrew the override of {rule} for {source.subject}"
    return _to_requester(source, Topic.REVIEW, title)


def _outcome(outcome: str) -> Callable[[_Source], list[Draft]]:
    def draft(source: _Source) -> list[Draft]:
        return _to_requester(source, Topic.OUTCOME, f"{source.subject} {outcome}")

    return draft


def _to_requester(source: _Source, topic: Topic, title: str) -> list[Draft]:
    people = requesters_of(source.request)
    if source.facts["actor"]["kind"] != "system":
        people -= set(User.objects.filter(username=source.facts["actor"]["name"]).values_list("pk", flat=True))
    return [_about(source, people, topic, title, source.reason)]


def _alarm(source: _Source) -> list[Draft]:
    """Return the notice of an emergency, for everybody who may see the model."""
    people = set(User.objects.filter(is_active=True, is_service=False).values_list("pk", flat=True))
    title = f"Emergency: {source.request.version} {source.request.moved_text} without its policy"
    return [_about(source, people, Topic.ALARM, title, source.reason)]


def _condition_due(source: _Source) -> list[Draft]:
    """Return the notice of a condition before it is due, for its owner and the people responsible for the model."""
    after = source.facts["after"]
    people = responsible_people(source.request.version.model, [after["owner"]])
    title = f"A condition of {source.subject} is due on {str(after['due_at'])[:10]}"
    return [_about(source, people, Topic.FINDING, title, one_paragraph(after["text"]))]


def _finding(event: Event) -> list[Draft]:
    number = row_id(event.object_ref.partition(":")[2])
    if finding_ref(number) != event.object_ref:
        return []
    row = Finding.objects.select_related("model", "owner").filter(pk=number).first()
    if row is None or row.owner is None or row.owner.username == actor_name(event):
        return []
    phrase = "is overdue" if event.action == Action.APPROVALS_FINDING_FELL_DUE else "is assigned to you"
    title = f"Finding #{row.pk} on {row.model.name} {phrase}: {row.title}"
    return [Draft(frozenset({row.owner.pk}), Topic.FINDING, title, f"/findings/{row.pk}/", "", row.model_id)]


def _proposal(event: Event) -> list[Draft]:
    event_facts = facts(event)
    reviewers = policy_reviewers().exclude(username=actor_name(event))
    title = f"{actor_name(event)} proposes a change of the policy {event_facts['after'].get('policy', '')}"
    path = f"/policies/proposals/{event.object_ref.partition(':')[2]}/"
    people = frozenset(reviewers.values_list("pk", flat=True))
    return [Draft(people, Topic.PROPOSAL, title, path, one_paragraph(event_facts["reason"]))]


def _comment(event_facts: dict[str, Any]) -> list[Draft]:
    pk = event_facts["after"].get("comment")
    row = ApprovalComment.objects.select_related("version__model", "author").filter(pk=pk).first()
    if row is None:
        return []
    requests = TransitionRequest.objects.filter(version=row.version).select_related("requester").order_by("-pk")
    newest = requests.first()
    path = (
        f"{request_path(newest.pk)}#discussion" if newest else version_path(row.version.model.name, row.version.version)
    )
    mentioned = mentioned_people(row)
    others = thread_participants(row) | (requesters_of(newest) if newest else set())
    model_id, text = row.version.model_id, one_paragraph(row.text)
    author = row.author.username
    mention_ids = frozenset(mentioned - {row.author_id})
    comment_ids = frozenset(others - mentioned - {row.author_id})
    return [
        Draft(mention_ids, Topic.MENTION, f"{author} named you on {row.version}", path, text, model_id),
        Draft(comment_ids, Topic.COMMENT, f"{author} commented on {row.version}", path, text, model_id),
    ]


def _delegation(event_facts: dict[str, Any]) -> list[Draft]:
    pk = event_facts["after"].get("delegation")
    row = Delegation.objects.select_related("delegator").filter(pk=pk).first()
    if row is None:
        return []
    delegator = row.delegator.username
    title = f"{delegator} revoked a delegation" if row.revoked_at else f"{delegator} delegated review rights to you"
    text = f"For {row.models_pattern}, until {row.ends_at:%Y-%m-%d %H:%M} UTC. {one_paragraph(row.reason)}"
    return [Draft(frozenset({row.delegate_id}), Topic.DELEGATION, title, "/account/delegations/", text)]


_OF_REQUESTS: dict[Action, Callable[[_Source], list[Draft]]] = {
    Action.APPROVALS_REQUEST_OPENED: _request_opened,
    Action.APPROVALS_REQUEST_REMINDED: _reminded,
    Action.APPROVALS_REVIEW_GIVEN: _reviewed,
    Action.APPROVALS_RULE_OVERRIDDEN: _overridden,
    Action.APPROVALS_OVERRIDE_WITHDRAWN: _override_withdrawn,
    Action.APPROVALS_CONDITION_REMINDED: _condition_due,
    Action.APPROVALS_GLASS_BROKEN: _alarm,
    Action.APPROVALS_REQUEST_APPROVED: _outcome("is approved"),
    Action.APPROVALS_REQUEST_APPLIED: _outcome("was applied"),
    Action.APPROVALS_REQUEST_REJECTED: _outcome("was rejected"),
    Action.APPROVALS_REQUEST_STALED: _outcome("is out of date and was closed"),
    Action.APPROVALS_REQUEST_EXPIRED: _outcome("has expired"),
    Action.APPROVALS_REQUEST_WITHDRAWN: _outcome("was withdrawn"),
}
_OTHERS: dict[Action, Callable[[Event], list[Draft]]] = {
    Action.ACCOUNT_MEMBERSHIP_EXPIRED: membership_ends,
    Action.ACCOUNT_MEMBERSHIP_REMINDED: membership_ends,
    Action.APPROVALS_FINDING_OPENED: _finding,
    Action.APPROVALS_FINDING_ASSIGNED: _finding,
    Action.APPROVALS_FINDING_FELL_DUE: _finding,
    Action.APPROVALS_PROPOSAL_OPENED: _proposal,
    Action.LINEAGE_DEPLOYMENT_ATTESTED: files_attested,
    Action.REGISTRY_ALIAS_DELETED: alias_moved,
    Action.REGISTRY_ALIAS_SET: alias_moved,
    Action.REGISTRY_ATTESTATION_FELL_DUE: attestation_due,
    Action.REGISTRY_MODEL_RETIREMENT_ASKED: retirement_asked,
    Action.REGISTRY_PRODUCTION_LEFT: production_left,
    Action.REGISTRY_STAGE_CHANGED: stage_changed,
    Action.WEBHOOKS_WEBHOOK_DISABLED: webhook_disabled,
}
NOTIFIED_ACTIONS = (
    *_OF_REQUESTS,
    *_OTHERS,
    Action.APPROVALS_COMMENT_ADDED,
    Action.APPROVALS_DELEGATION_GIVEN,
    Action.APPROVALS_DELEGATION_REVOKED,
)
