"""What the pages of policies show: a revision in words, what it changes, and the proposals to change it."""

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
from console.policies.presenters.descriptions import PolicyText, Sentence, policy_sentences, rule_sentence
from core.actors import Actor
from core.errors import NotFound
from policies.diff import PolicyDiff, ValueChange, diff_policies, diff_text
from policies.models import Policy, PolicyProposal, PolicyRevision, ProposalState
from policies.parsing import parse_published
from policies.queries import get_proposal, open_proposals, proposals, revisions_of
from policies.yaml_text import Document, read_policy, write_policy

_SHOWN = 50
EXAMPLE = """\
# What must be true before a version may move. Lines that begin with # are for you.
name: my-policy
description: Why these rules are as they are.
applies_to:
  target: Production        # or Staging, or an alias such as "@champion"
  models: "fraud_*"         # a pattern of names; the longest one that fits a model governs it
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
    """One rule that differs, in words: `added`, `removed` or `changed`, and whether that is tighter."""

    rule: str
    word: str
    effect: str
    before: Sentence | None
    after: Sentence | None


@dataclass(frozen=True, slots=True)
class DiffView:
    """What one body changes of another, in words and as text."""

    rules: tuple[RuleDiff, ...]
    values: tuple[ValueChange, ...]
    lines: tuple[tuple[str, str], ...]
    is_new: bool

    @property
    def is_empty(self) -> bool:
        return not self.rules and not self.values and not self.is_new


def diff_view(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> DiffView:
    """Return what a body changes, with each line of the text and its tone (`add`, `del`, `at`, ``)."""
    found: PolicyDiff = diff_policies(parse_published(before) if before else None, parse_published(after))
    rules = [
        RuleDiff(
            rule=change.rule,
            word=change.word,
            effect=change.effect.value,
            before=rule_sentence(change.before) if change.before else None,
            after=rule_sentence(change.after) if change.after else None,
        )
        for change in found.rules
    ]
    lines = [(_TONES.get(line[:1], ""), line) for line in diff_text(before, after)]
    return DiffView(tuple(rules), found.values, tuple(lines), found.is_new)


_TONES = {"+": "add", "-": "del", "@": "at"}


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """A policy: one revision of it in words, what that changed, the others, and what is proposed."""

    policy: Policy
    shown: PolicyRevision
    revisions: Sequence[PolicyRevision]
    text: PolicyText
    diff: DiffView | None
    proposals: Sequence[PolicyProposal]
    may_propose: bool

    @property
    def is_newest(self) -> bool:
        return self.shown.pk == self.revisions[0].pk


def policy_page(actor: Actor, policy_id: int, wanted: str = "") -> PolicyPage:
    """Return what a policy's page shows; NotFound. A revision that is not there gives the newest."""
    policy = Policy.objects.filter(pk=policy_id).first()
    revisions = list(revisions_of(policy)) if policy else []
    if policy is None or not revisions:
        raise NotFound("There is no such policy.")
    shown = next((row for row in revisions if str(row.number) == wanted), revisions[0])
    earlier = next((row for row in revisions if row.number == shown.number - 1), None)
    return PolicyPage(
        policy=policy,
        shown=shown,
        revisions=revisions,
        text=policy_sentences(shown.body),
        diff=diff_view(earlier.body, shown.body) if earlier else None,
        proposals=list(proposals(name=policy.name)[:_SHOWN]),
        may_propose=refusal_to_propose(actor, policy.name) is None,
    )


@dataclass(frozen=True, slots=True)
class ProposalPage:
    """A proposal: what it would change, and who may say what to it."""

    proposal: PolicyProposal
    text: PolicyText
    diff: DiffView
    reviewers: Sequence[str]
    advice: str
    refusal: Refusal | None
    may_withdraw: bool

    @property
    def is_open(self) -> bool:
        return self.proposal.state == ProposalState.OPEN


def proposal_page(actor: Actor, proposal_id: int) -> ProposalPage:
    """Return what a proposal's page shows; NotFound."""
    found = get_proposal(proposal_id)
    is_open = found.state == ProposalState.OPEN
    base = found.base_revision.body if found.base_revision else None
    reviewers = possible_reviewers(found) if is_open else []
    return ProposalPage(
        proposal=found,
        text=policy_sentences(found.body),
        diff=diff_view(base, found.body),
        reviewers=reviewers,
        advice=reviewer_hint(reviewers) if is_open else "",
        refusal=refusal_to_decide_proposal(actor, found) if is_open else None,
        may_withdraw=is_open and refusal_to_withdraw_proposal(actor, found) is None,
    )


def waiting_proposals() -> list[PolicyProposal]:
    """Return what waits for a second person, oldest first."""
    return list(open_proposals()[:_SHOWN])


@dataclass(frozen=True, slots=True)
class Preview:
    """A text as it is being written: what is wrong with it by line, or what it says in words and would change."""

    document: Document
    text: PolicyText | None
    diff: DiffView | None
    base: PolicyRevision | None


def preview(yaml: str) -> Preview:
    """Return what there is to say of a draft beside it."""
    document = read_policy(yaml)
    if document.problems or document.body is None:
        return Preview(document, None, None, None)
    name = str(document.body["name"])
    base = PolicyRevision.objects.filter(policy__name=name).select_related("policy").order_by("-number").first()
    return Preview(
        document, policy_sentences(document.body), diff_view(base.body if base else None, document.body), base
    )


def starting_text(policy_id: int | None, proposal_id: int | None) -> str:
    """Return the text an editor opens with: a policy's newest revision, a proposal, or an example."""
    if proposal_id is not None:
        return write_policy(get_proposal(proposal_id).body)
    if policy_id is not None:
        revision = PolicyRevision.objects.filter(policy=policy_id).order_by("-number").first()
        if revision is None:
            raise NotFound("There is no such policy.")
        return write_policy(revision.body)
    return EXAMPLE
