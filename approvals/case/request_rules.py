"""The rules of a request: those of the policy it was opened under, and those that the governing policy has added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from approvals.case.subjects import facts_of_model, policy_digest
from approvals.models import TransitionRequest
from policies.leaving import policies_of_move
from policies.matching import LoadedPolicy, load_revision
from policies.request_kinds import merge_rules, rules_for
from policies.rules import Rule
from validation.base import Subject

_Key = tuple[int, int | None, int | None, str]


@dataclass(frozen=True, slots=True)
class RequestRules:
    """The policy a request was opened under, the one that governs now (None for none), and the rules of both together.

    ``digest`` is the hash of the policies and rules, as `policy_digest` makes it. ``added`` is the policy on leaving
    Production, where a current version asks for a stage that has a policy of its own.
    """

    policy: LoadedPolicy
    current: LoadedPolicy | None
    rules: tuple[Rule, ...]
    digest: str
    added: LoadedPolicy | None = None

    @property
    def e_signature(self) -> bool:
        """Return whether one of the policies asks for electronic signatures."""
        policies = (self.policy, self.current, self.added)
        return any(policy.body.options.e_signature for policy in policies if policy is not None)

    @property
    def new_account_window(self) -> timedelta:
        """Return the longer of the windows in which changes of accounts matter."""
        return max(
            policy.body.options.new_account_window for policy in (self.policy, self.current) if policy is not None
        )


class MergedRules:
    """The policies of many requests, each read once.

    The rules of each pair of policies and kind of request are merged once.
    """

    def __init__(self, requests: Sequence[TransitionRequest], active: Sequence[LoadedPolicy]) -> None:
        """Read the policies the requests were opened under.

        Raises InvalidState for one that this server cannot read.
        """
        self._active = active
        self._merged: dict[_Key, tuple[tuple[Rule, ...], str]] = {}
        self._opened_under = {policy.revision.pk: policy for policy in active}
        for request in requests:
            if request.policy_revision_id not in self._opened_under:
                self._opened_under[request.policy_revision_id] = load_revision(request.policy_revision)

    def rules_of(self, request: TransitionRequest, subject: Subject) -> RequestRules:
        """Return the policies and rules of a request now."""
        policy = self._opened_under[request.policy_revision_id]
        now = policies_of_move(self._active, facts_of_model(subject), subject.target, subject.leaves)
        current, added = now.governing, now.added
        key = (policy.revision.pk, _revision_id(current), _revision_id(added), request.kind)
        if key not in self._merged:
            self._merged[key] = _merge(policy, current, request.kind, added)
        return RequestRules(policy, current, *self._merged[key], added=added)


def rules_at_close(request: TransitionRequest) -> RequestRules:
    """Return the policies and rules of a closed request when it was closed.

    Raises InvalidState when this server cannot read its policy.
    """
    policy = load_revision(request.policy_revision)
    followed = load_revision(request.followed_revision) if request.followed_revision else None
    return RequestRules(policy, followed, *_merge(policy, followed, request.kind))


def _revision_id(policy: LoadedPolicy | None) -> int | None:
    return policy.revision.pk if policy else None


def _merge(
    policy: LoadedPolicy, current: LoadedPolicy | None, kind: str, added: LoadedPolicy | None = None
) -> tuple[tuple[Rule, ...], str]:
    """Return the rules of these policies together, and their digest."""
    rules = rules_for(policy.body, kind)
    if current is not None and current.revision.pk != policy.revision.pk:
        rules = merge_rules(rules, rules_for(current.body, kind))
    digests = [policy.revision.digest, current.revision.digest if current else ""]
    if added is not None:
        rules = merge_rules(rules, rules_for(added.body, kind))
        digests.append(added.revision.digest)
    return rules, policy_digest(digests, rules)
