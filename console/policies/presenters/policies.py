"""Presenters of the pages of policies: a revision with its changes, the proposals, and the preview of a draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.permissions.policies import (
    refusal_to_decide_proposal,
    refusal_to_propose,
    refusal_to_withdraw_proposal,
)
from approvals.permissions.policy_people import possible_reviewers, reviewer_hint
from approvals.permissions.refusal import Refusal
from console.policies.presenters.descriptions import PolicyDescription, RuleDescription, describe_policy, describe_rule
from console.shell.first_rows import first_rows
from core.actors import Actor
from core.errors import NotFound
from policies.diff import PolicyDiff, ValueChange, diff_policies, diff_text
from policies.models import Policy, PolicyProposal, PolicyRevision, ProposalKind, ProposalState
from policies.parsing import parse_published
from policies.queries import get_proposal, open_proposals, proposals, revisions_of
from policies.yaml_text import Document, read_policy, write_policy

_SHOWN = 50
EXAMPLE = """\
# The rules that a version must meet before a promotion. Lines that begin with # are comments.
name: my-policy
description: Why these rules exist.
applies_to:
  target: Production        # or Staging, or an alias such as "@champion"
  models: "fraud_*"         # a pattern of names; the most specific one that matches a model governs it
rules:
  - id: lineage
    check: lineage.required_tags
    with:
      tags: [dataset_version, git_commit, triggered_by]
  - id: reviewers
    approvals: {count: 1, groups: [reviewers]}
  - id: four-eyes
    four_eyes: [requester, version_author]
options:
  expires_after: 14d
"""


@dataclass(frozen=True, slots=True)
class RuleDiff:
    """One rule that differs.

    ``kind`` is `added`, `removed` or `changed`. ``effect`` is `tighter`, `looser` or `open` (neither).
    """

    rule: str
    kind: str
    effect: str
    before: RuleDescription | None
    after: RuleDescription | None

    @property
    def icon(self) -> str:
        """Return the icon of the change."""
        return {"added": "add_circle", "removed": "remove_circle"}.get(self.kind, "edit")


@dataclass(frozen=True, slots=True)
class DiffView:
    """The difference of two revisions, by rule and as text.

    ``lines`` are pairs of a tone (`add`, `del`, `at` or "") and a line of the text.
    """

    rules: tuple[RuleDiff, ...]
    values: tuple[ValueChange, ...]
    lines: tuple[tuple[str, str], ...]
    is_new: bool

    @property
    def is_empty(self) -> bool:
        """Return whether nothing differs."""
        return not self.rules and not self.values and not self.is_new


def diff_view(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> DiffView:
    """Return the difference of two bodies of a policy; ``before`` is None for a new policy."""
    difference: PolicyDiff = diff_policies(parse_published(before) if before else None, parse_published(after))
    rules = [
        RuleDiff(
            rule=change.rule,
            kind=change.kind,
            effect=change.effect.value,
            before=describe_rule(change.before) if change.before else None,
            after=describe_rule(change.after) if change.after else None,
        )
        for change in difference.rules
    ]
    lines = [(_TONES.get(line[:1], ""), line) for line in diff_text(before, after)]
    return DiffView(tuple(rules), difference.values, tuple(lines), difference.is_new)


_TONES = {"+": "add", "-": "del", "@": "at"}


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """One revision of a policy as sentences, with its changes, the other revisions, and the proposals."""

    policy: Policy
    revision: PolicyRevision
    revisions: Sequence[PolicyRevision]
    text: PolicyDescription
    diff: DiffView | None
    proposals: Sequence[PolicyProposal]
    may_propose: bool

    @property
    def is_newest(self) -> bool:
        """Return whether the newest revision is shown."""
        return self.revision.pk == self.revisions[0].pk


def policy_page(actor: Actor, policy_id: int, number: str = "") -> PolicyPage:
    """Return the page of a policy with the revision ``number``, the newest where there is none. Raises NotFound."""
    policy = Policy.objects.filter(pk=policy_id).first()
    revisions = list(revisions_of(policy)) if policy else []
    if policy is None or not revisions:
        raise NotFound(f"There is no policy {policy_id}.")
    revision = next((row for row in revisions if str(row.number) == number), revisions[0])
    earlier = next((row for row in revisions if row.number == revision.number - 1), None)
    return PolicyPage(
        policy=policy,
        revision=revision,
        revisions=revisions,
        text=describe_policy(revision.body),
        diff=diff_view(earlier.body, revision.body) if earlier else None,
        proposals=first_rows(proposals(name=policy.name), _SHOWN),
        may_propose=refusal_to_propose(actor, policy.name) is None,
    )


@dataclass(frozen=True, slots=True)
class ProposalPage:
    """A proposal with its changes.

    ``reviewers`` are the people who may decide on it, and ``advice`` says what to do where there are none. ``refusal``
    is why this person may not decide, None where they may.
    """

    proposal: PolicyProposal
    text: PolicyDescription
    diff: DiffView
    reviewers: Sequence[str]
    advice: str
    refusal: Refusal | None
    may_withdraw: bool

    @property
    def is_open(self) -> bool:
        """Return whether the proposal waits for a decision."""
        return self.proposal.state == ProposalState.OPEN

    @property
    def is_retirement(self) -> bool:
        """Return whether the proposal would retire the policy."""
        return self.proposal.kind == ProposalKind.RETIRE

    @property
    def may_decide(self) -> bool:
        """Return whether this person may approve or reject the proposal now."""
        return self.is_open and self.refusal is None


def proposal_page(actor: Actor, proposal_id: int) -> ProposalPage:
    """Return the page of a proposal. Raises NotFound."""
    proposal = get_proposal(proposal_id)
    is_open = proposal.state == ProposalState.OPEN
    base = proposal.base_revision.body if proposal.base_revision else None
    reviewers = possible_reviewers(proposal) if is_open else []
    return ProposalPage(
        proposal=proposal,
        text=describe_policy(proposal.body),
        diff=diff_view(base, proposal.body),
        reviewers=reviewers,
        advice=reviewer_hint(reviewers) if is_open else "",
        refusal=refusal_to_decide_proposal(actor, proposal) if is_open else None,
        may_withdraw=is_open and refusal_to_withdraw_proposal(actor, proposal) is None,
    )


def waiting_proposals() -> list[PolicyProposal]:
    """Return the proposals that wait for a second person, oldest first."""
    return first_rows(open_proposals(), _SHOWN)


@dataclass(frozen=True, slots=True)
class Preview:
    """The preview of a draft: its errors by line, or its rules as sentences and its changes to ``base``."""

    document: Document
    text: PolicyDescription | None
    diff: DiffView | None
    base: PolicyRevision | None


def preview(yaml: str) -> Preview:
    """Return the preview of a draft."""
    document = read_policy(yaml)
    if document.problems or document.body is None:
        return Preview(document, None, None, None)
    name = str(document.body["name"])
    base = PolicyRevision.objects.filter(policy__name=name).select_related("policy").order_by("-number").first()
    return Preview(
        document, describe_policy(document.body), diff_view(base.body if base else None, document.body), base
    )


def starting_text(policy_id: int | None, proposal_id: int | None) -> str:
    """Return the YAML that the editor opens with: a proposal, a policy's newest revision, or an example.

    Raises NotFound.
    """
    if proposal_id is not None:
        return write_policy(get_proposal(proposal_id).body)
    if policy_id is not None:
        revision = PolicyRevision.objects.filter(policy=policy_id).order_by("-number").first()
        if revision is None:
            raise NotFound(f"There is no policy {policy_id}.")
        return write_policy(revision.body)
    return EXAMPLE
