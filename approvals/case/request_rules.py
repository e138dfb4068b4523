"""The rules of a request: those of the policy it was opened under, and those that the governing policy has added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from approvals.case.subjects import facts_of_model, policy_digest
from approvals.models import TransitionRequest
from policies.matching import LoadedPolicy, governing_policy, load_revision
from policies.request_kinds import merge_rules, rules_for
from policies.rules import Rule
from validation.base import Subject

_Key = tuple[int, int | None, str]


@dataclass(frozen=True, slots=True)
class RequestRules:
    """The policy a request was opened under, the one that governs now (None for none), and the rules of both together.

    ``digest`` is the hash of the policies and rules, as `policy_digest` makes it.
    """

    policy: LoadedPolicy
    current: LoadedPolicy | None
    rules: tuple[Rule, ...]
    digest: str

    @property
    def e_signature(self) -> bool:
        """Return whether either policy asks for electronic signatures."""
        return any(policy.body.options.e_signature for policy in (self.policy, self.current) if policy is not None)


class RuleBook:
    """The policies of many requests, each read once.

    The rules of each pair of policies and kind of request are merged once.
    """

    def __init__(self, requests: Sequence[TransitionRequest], active: Sequence[LoadedPolicy]) -> None:
        """Read the policies the requests were opened under; InvalidState for one that this server cannot read."""
        self._active = active
        self._merged: dict[_Key, tuple[tuple[Rule, ...], str]] = {}
        self._opened_under = {policy.revision.pk: policy for policy in active}
        for request in requests:
            if request.policy_revision_id not in self._opened_under:
                self._opened_under[request.policy_revision_id] = load_revision(request.policy_revision)

    def rules_of(self, request: TransitionRequest, subject: Subject) -> RequestRules:
        """Return the policies and rules of a request now."""
        policy = self._opened_under[request.policy_revision_id]
        current = governing_policy(self._active, facts_of_model(subject), subject.target)
        key = (policy.revision.pk, current.revision.pk if current else None, request.kind)
        if key not in self._merged:
            self._merged[key] = _merge(policy, current, request.kind)
        return RequestRules(policy, current, *self._merged[key])


def rules_at_close(request: TransitionRequest) -> RequestRules:
    """Return the policies and rules of a closed request when it was closed; InvalidState when this server cannot read its policy."""
    policy = load_revision(request.policy_revision)
    followed = load_revision(request.followed_revision) if request.followed_revision else None
    return RequestRules(policy, followed, *_merge(policy, followed, request.kind))


def _merge(policy: LoadedPolicy, current: LoadedPolicy | None, kind: str) -> tuple[tuple[Rule, ...], str]:
    """Return the rules of two policies together, and their digest."""
    rules = rules_for(policy.body, kind)
    if current is not None and current.revision.pk != policy.revision.pk:
        rules = merge_rules(rules, rules_for(current.body, kind))
    return rules, policy_digest([policy.revision.digest, current.revision.digest if current else ""], rules)
