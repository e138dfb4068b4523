"""Recipients and text of the notice of an event. One function per kind of event; its actor is never notified."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from approvals.case.loading import load_case
from approvals.models import ApprovalComment, Decision, Delegation, TransitionRequest
from approvals.models.oversight import Finding
from approvals.permissions.policy_people import REVIEWERS
from approvals.permissions.requests import requesters_of
from approvals.requests.audience import mentioned_in, participants_of, people_asked
from approvals.requests.refusals import request_path
from audit.actions import Action
from audit.models import Event
from audit.queries import facts
from core.refs import finding_ref, request_ref
from notices.models import Topic

_WORDS = 600


@dataclass(frozen=True, slots=True)
class Tell:
    """What some people are told: ``person_ids`` of them. ``model_id``: the model that each of them must be able to see."""

    person_ids: frozenset[int]
    topic: Topic
    title: str
    path: str
    text: str = ""
    model_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Source:
    """An event with its facts, and the request it is about."""

    event: Event
    facts: dict[str, Any]
    request: TransitionRequest

    @property
    def subject(self) -> str:
        """Return the version and the target that the event is about."""
        return f"{self.request.version} → {self.request.target}"

    @property
    def actor(self) -> str:
        """Return the name of whoever caused the event."""
        return str(self.facts["actor"].get("on_behalf_of") or self.facts["actor"]["name"])

    @property
    def reason(self) -> str:
        """Return the reason that was given, "" for none."""
        return words(self.facts["reason"])


def words(value: object) -> str:
    """Return a text of an event in one paragraph; one that was too long for the event has none."""
    return " ".join(value.split())[:_WORDS] if isinstance(value, str) else ""


def tells_of(event: Event) -> list[Tell]:
    """Return who is told what of an event; nothing where it concerns nobody. The more particular comes first."""
    action, known = Action(event.action), facts(event)
    if action in _OF_REQUESTS:
        request = _request_of(event)
        return _OF_REQUESTS[action](_Source(event, known, request)) if request is not None else []
    if action == Action.APPROVALS_COMMENT_ADDED:
        return _comment(known)
    if action in _OTHERS:
        return _OTHERS[action](event)
    return _delegation(known)


def _request_of(event: Event) -> TransitionRequest | None:
    prefix, _, number = event.object_ref.partition(":")
    if not number.isdigit() or request_ref(number) != f"{prefix}:{number}":
        return None
    return TransitionRequest.objects.with_relations().filter(pk=int(number)).first()


def _about(source: _Source, people: Iterable[int], topic: Topic, title: str, text: str = "") -> Tell:
    request = source.request
    return Tell(frozenset(people), topic, title, request_path(request.pk), text, request.version.model_id)


def _asked(source: _Source) -> list[Tell]:
    title = f"{source.request.requester} asks for your decision: {source.subject}"
    return [_about(source, people_asked(load_case(source.request)), Topic.DECISION, title, source.reason)]


def _reminded(source: _Source) -> list[Tell]:
    people = people_asked(load_case(source.request), still=True)
    return [_about(source, people, Topic.REMINDER, f"Still waiting for your decision: {source.subject}")]


_SAID = {Decision.APPROVE: "approved", Decision.REQUEST_CHANGES: "asked for changes to"}


def _reviewed(source: _Source) -> list[Tell]:
    said = _SAID.get(source.facts["after"].get("decision", ""))
    if said is None:  # a rejection closes the request, and that is told
        return []
    return _to_requester(source, Topic.REVIEW, f"{source.actor} {said} {source.subject}")


def _overridden(source: _Source) -> list[Tell]:
    rule = source.facts["after"].get("rule", "a rule")
    return _to_requester(source, Topic.REVIEW, f"{source.actor} overrode {rule} of {source.subject}")


def _taken_back(source: _Source) -> list[Tell]:
    rule = source.facts["after"].get("rule", "a rule")
    title = f"{source.actor} took back the override of {rule} of {source.subject}"
    return _to_requester(source, Topic.REVIEW, title)


def _outcome(words_of: str) -> Callable[[_Source], list[Tell]]:
    def told(source: _Source) -> list[Tell]:
        return _to_requester(source, Topic.OUTCOME, f"{source.subject} {words_of}")

    return told


def _to_requester(source: _Source, topic: Topic, title: str) -> list[Tell]:
    people = requesters_of(source.request)
    if source.facts["actor"]["kind"] != "system":
        people -= set(User.objects.filter(username=source.facts["actor"]["name"]).values_list("pk", flat=True))
    return [_about(source, people, topic, title, source.reason)]


def _alarm(source: _Source) -> list[Tell]:
    """Return that everybody is told of an emergency, of those who may see the model."""
    people = set(User.objects.filter(is_active=True, is_service=False).values_list("pk", flat=True))
    return [_about(source, people, Topic.ALARM, f"Emergency: {source.subject} went past its policy", source.reason)]


def _finding(event: Event) -> list[Tell]:
    prefix, _, number = event.object_ref.partition(":")
    if not number.isdigit() or finding_ref(int(number)) != f"{prefix}:{number}":
        return []
    row = Finding.objects.select_related("model", "owner").filter(pk=int(number)).first()
    if row is None or row.owner is None or row.owner.username == event.actor_name:
        return []
    said = "is overdue" if event.action == Action.APPROVALS_FINDING_FELL_DUE else "is yours"
    title = f"Finding #{row.pk} on {row.model.name} {said}: {row.title}"
    return [Tell(frozenset({row.owner.pk}), Topic.FINDING, title, f"/findings/{row.pk}/", "", row.model_id)]


def _proposal(event: Event) -> list[Tell]:
    known = facts(event)
    reviewers = User.objects.filter(groups__name=REVIEWERS).exclude(username=event.actor_name)
    title = f"{event.actor_name} proposes a change of the policy {known['after'].get('policy', '')}"
    path = f"/policies/proposals/{event.object_ref.partition(':')[2]}/"
    people = frozenset(reviewers.values_list("pk", flat=True))
    return [Tell(people, Topic.PROPOSAL, title, path, words(known["reason"]))]


def _comment(known: dict[str, Any]) -> list[Tell]:
    pk = known["after"].get("comment")
    row = ApprovalComment.objects.select_related("version__model", "author").filter(pk=pk).first()
    if row is None:
        return []
    live = TransitionRequest.objects.filter(version=row.version).select_related("requester").order_by("-pk")
    newest = live.first()
    path = f"{request_path(newest.pk)}#discussion" if newest else _version_path(row)
    named = mentioned_in(row)
    others = participants_of(row) | (requesters_of(newest) if newest else set())
    model_id, text = row.version.model_id, words(row.text)
    by = row.author.username
    return [
        Tell(
            frozenset(named - {row.author_id}), Topic.MENTION, f"{by} named you on {row.version}", path, text, model_id
        ),
        Tell(
            frozenset(others - named - {row.author_id}),
            Topic.COMMENT,
            f"{by} commented on {row.version}",
            path,
            text,
            model_id,
        ),
    ]


def _version_path(row: ApprovalComment) -> str:
    return f"/models/{row.version.model.name}/versions/{row.version.version}/"


def _delegation(known: dict[str, Any]) -> list[Tell]:
    pk = known["after"].get("delegation")
    row = Delegation.objects.select_related("delegator").filter(pk=pk).first()
    if row is None:
        return []
    who = row.delegator.username
    title = f"{who} took a delegation back" if row.revoked_at else f"{who} delegated their decisions to you"
    text = f"For {row.models_pattern}, until {row.ends_at:%Y-%m-%d %H:%M} UTC. {words(row.reason)}"
    return [Tell(frozenset({row.delegate_id}), Topic.DELEGATION, title, "/account/delegations/", text)]


_OF_REQUESTS: dict[Action, Callable[[_Source], list[Tell]]] = {
    Action.APPROVALS_REQUEST_OPENED: _asked,
    Action.APPROVALS_REQUEST_REMINDED: _reminded,
    Action.APPROVALS_REVIEW_GIVEN: _reviewed,
    Action.APPROVALS_RULE_OVERRIDDEN: _overridden,
    Action.APPROVALS_OVERRIDE_WITHDRAWN: _taken_back,
    Action.APPROVALS_GLASS_BROKEN: _alarm,
    Action.APPROVALS_REQUEST_APPROVED: _outcome("is approved"),
    Action.APPROVALS_REQUEST_APPLIED: _outcome("was carried out"),
    Action.APPROVALS_REQUEST_REJECTED: _outcome("was rejected"),
    Action.APPROVALS_REQUEST_STALED: _outcome("is out of date and was closed"),
    Action.APPROVALS_REQUEST_EXPIRED: _outcome("has expired"),
    Action.APPROVALS_REQUEST_WITHDRAWN: _outcome("was withdrawn"),
}
_OTHERS: dict[Action, Callable[[Event], list[Tell]]] = {
    Action.APPROVALS_FINDING_OPENED: _finding,
    Action.APPROVALS_FINDING_ASSIGNED: _finding,
    Action.APPROVALS_FINDING_FELL_DUE: _finding,
    Action.APPROVALS_PROPOSAL_OPENED: _proposal,
}
TOLD = (
    *_OF_REQUESTS,
    *_OTHERS,
    Action.APPROVALS_COMMENT_ADDED,
    Action.APPROVALS_DELEGATION_GIVEN,
    Action.APPROVALS_DELEGATION_REVOKED,
)
