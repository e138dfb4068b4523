"""The rules of a request: those of the policy it was opened under, merged with those of the policies in force now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from approvals.case.subjects import facts_of_model, policy_digest
from approvals.models import TransitionRequest
from policies.leaving import policies_of_move
from policies.matching import LoadedPolicy, load_revision
from policies.request_kinds import merge_rules, rules_for
from policies.rules import DEVICE_PASSKEY, Options, Rule
from validation.base import Subject

_Key = tuple[int, int | None, int | None, str]


@dataclass(frozen=True, slots=True)
class RequestRules:
    """The policies of a request and their merged rules.

    ``policy`` is the one the request was opened under, ``current`` the one that governs now (None for none). ``added``
    is the policy on leaving Production, where the current version would move to a stage that has a policy of its own.
    ``digest`` is the `policy_digest` of policies and rules.
    """

    policy: LoadedPolicy
    current: LoadedPolicy | None
    rules: tuple[Rule, ...]
    digest: str
    added: LoadedPolicy | None = None

    @property
    def _options(self) -> list[Options]:
        policies = (self.policy, self.current, self.added)
        return [policy.body.options for policy in policies if policy is not None]

    @property
    def e_signature(self) -> bool:
        """Return whether one of the policies asks for electronic signatures."""
        return any(options.e_signature for options in self._options)

    @property
    def needs_passkey(self) -> bool:
        """Return whether one of the policies asks for the signature of a passkey."""
        return any(options.signed_by is not None for options in self._options)

    @property
    def needs_device_passkey(self) -> bool:
        """Return whether one of the policies asks for the signature of a passkey that stays on one device."""
        return any(options.signed_by == DEVICE_PASSKEY for options in self._options)

    @property
    def apply_delay(self) -> timedelta:
        """Return the longest delay between approval and move, over the policies."""
        return max(options.apply_delay for options in self._options)

    @property
    def new_account_window(self) -> timedelta:
        """Return the longest time before an approval in which a change of an account voids it, over the policies."""
        return max(options.new_account_window for options in self._options)


class MergedRules:
    """Merged rules of many requests. Each policy is read once, and each combination of policies is merged once."""

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
        """Return the policies and rules of a request as they are now."""
        policy = self._opened_under[request.policy_revision_id]
        of_move = policies_of_move(self._active, facts_of_model(subject), subject.target, subject.leaves)
        current, added = of_move.governing, of_move.added
        key = (policy.revision.pk, _revision_id(current), _revision_id(added), request.kind)
        if key not in self._merged:
            self._merged[key] = _merge(policy, current, request.kind, added)
        return RequestRules(policy, current, *self._merged[key], added=added)


def rules_at_close(request: TransitionRequest) -> RequestRules:
    """Return the policies and rules of a closed request as they were when it closed.

    Raises InvalidState when this server cannot read its policy.
    """
    policy = load_revision(request.policy_revision)
    followed = load_revision(request.followed_revision) if request.followed_revision else None
    added = load_revision(request.leave_revision) if request.leave_revision else None
    return RequestRules(policy, followed, *_merge(policy, followed, request.kind, added), added=added)


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
