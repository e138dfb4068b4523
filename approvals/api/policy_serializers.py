"""Serializers of policies, proposals, dry runs and replays in /api/v1. Times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from approvals.api.serializers import RuleSerializer
from approvals.models import MAX_COMMENT
from approvals.policy_changes.dry_run import DryRun
from approvals.policy_changes.replay import ReplayedRequest
from core.ids import MAX_ROW_ID
from core.rest import PeriodQuery
from policies.models import PolicyProposal, PolicyReview, PolicyRevision, ProposalState


class PolicyDetailSerializer(serializers.Serializer[PolicyRevision]):
    """One revision of a policy, and whether the policy is in force."""

    name = serializers.CharField(source="policy.name")
    in_force = serializers.BooleanField(source="policy.is_active")
    revision = serializers.IntegerField(source="number")
    digest = serializers.CharField()
    published_by = serializers.CharField()
    published_at = serializers.DateTimeField()
    body = serializers.JSONField()


class PolicyReviewSerializer(serializers.Serializer[PolicyReview]):
    """A review of a proposal, with the digest of the reviewed body."""

    reviewer = serializers.CharField(source="reviewer.username")
    decision = serializers.CharField()
    comment = serializers.CharField()
    digest = serializers.CharField()
    given_at = serializers.DateTimeField()


class ProposalSerializer(serializers.Serializer[PolicyProposal]):
    """A proposal to publish a policy's next revision, or to retire it."""

    id = serializers.IntegerField()
    policy = serializers.CharField(source="name")
    kind = serializers.CharField(help_text="publish or retire.")
    state = serializers.CharField(help_text="open, published, rejected, withdrawn or stale.")
    state_reason = serializers.CharField()
    base_revision = serializers.IntegerField(
        source="base_revision.number", default=None, allow_null=True, help_text="null: a new policy."
    )
    published_revision = serializers.IntegerField(allow_null=True, source="published_revision.number", default=None)
    digest = serializers.CharField(help_text="The digest that an approval sends as seen_digest.")
    proposer = serializers.CharField(source="proposer.username")
    comment = serializers.CharField()
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    body = serializers.JSONField()
    reviews = PolicyReviewSerializer(many=True)


class ProposalDetailSerializer(ProposalSerializer):
    """A proposal, with the people who could approve it."""

    possible_reviewers = serializers.ListField(child=serializers.CharField())
    advice = serializers.CharField(help_text="What to do where nobody could approve it; empty otherwise.")


class ProposeSerializer(serializers.Serializer[Any]):
    """Body of a proposal: a policy (an object, or YAML as text), or the name of one to retire."""

    policy = serializers.JSONField(required=False, default=None)
    retire = serializers.CharField(required=False, default="", allow_blank=True, max_length=100)
    comment = serializers.CharField(default="", allow_blank=True, max_length=MAX_COMMENT)


class ProposeQuerySerializer(serializers.Serializer[Any]):
    """Query parameters of a proposal whose body is YAML."""

    comment = serializers.CharField(
        default="", allow_blank=True, max_length=MAX_COMMENT, help_text="The reason, only with a YAML body."
    )


class ProposalDecisionSerializer(serializers.Serializer[Any]):
    """Body of a decision: the comment, and the digest of the proposal that was seen."""

    comment = serializers.CharField(max_length=MAX_COMMENT)
    seen_digest = serializers.CharField(default="", allow_blank=True, max_length=64)


class ProposalListSerializer(PeriodQuery):
    """Query parameters of a list of proposals; ``since`` and ``until`` are about when they were opened."""

    state = serializers.ChoiceField(choices=ProposalState.values, required=False, default="")
    policy = serializers.CharField(default="", allow_blank=True, max_length=100)
    proposer = serializers.CharField(required=False, max_length=150)
    reviewer = serializers.CharField(required=False, max_length=150, help_text="Username of somebody who reviewed it.")


class RevisionQuerySerializer(serializers.Serializer[Any]):
    """Query parameters that choose a revision; the newest by default."""

    revision = serializers.IntegerField(default=None, allow_null=True, min_value=1, max_value=2**31 - 1)
    format = serializers.ChoiceField(choices=["json", "yaml"], required=False)


class DryRunQuerySerializer(serializers.Serializer[Any]):
    """Body of a dry run: a draft, and the version it is tried on."""

    policy = serializers.JSONField()
    model = serializers.CharField(max_length=256, trim_whitespace=False)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    run_checks = serializers.BooleanField(default=False, help_text="Run the quick checks that have no result yet.")


class DryRunSerializer(serializers.Serializer[DryRun]):
    """Result of a dry run: the verdict of a draft on a version now."""

    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.version")
    target = serializers.CharField()
    verdict = serializers.CharField(source="verdict.state")
    governs = serializers.BooleanField(help_text="Whether this policy would govern the move.")
    governed_by = serializers.CharField(help_text="The policy that would govern the move, if it is another one.")
    asked_by = serializers.CharField()
    rules = RuleSerializer(many=True)
    basis = serializers.DictField(child=serializers.CharField(), help_text="Source of each check's result, by rule.")


class ReplayQuerySerializer(serializers.Serializer[Any]):
    """Body of a replay: a draft. Only requests with an id below ``before`` are replayed, at most ``limit``."""

    policy = serializers.JSONField()
    limit = serializers.IntegerField(default=50, min_value=1, max_value=100)
    before = serializers.IntegerField(default=None, allow_null=True, min_value=1, max_value=MAX_ROW_ID)


class ReplayedSerializer(serializers.Serializer[ReplayedRequest]):
    """One past request, and the verdict of the draft on it."""

    id = serializers.IntegerField(source="request.pk")
    model = serializers.CharField(source="request.version.model.name")
    version = serializers.IntegerField(source="request.version.version")
    state = serializers.CharField(source="request.state", help_text="How the request ended.")
    verdict = serializers.CharField(source="verdict.state", help_text="The verdict of the draft.")
    outcome = serializers.CharField(help_text="same, would_block, would_pass or unknown.")
    differing = RuleSerializer(many=True, help_text="The rules that make the difference.")


class ReplaySerializer(serializers.Serializer[Any]):
    """Result of a replay: past requests with the verdicts of a draft on them."""

    requests = ReplayedSerializer(many=True)
    totals = serializers.DictField(child=serializers.IntegerField(), help_text="Number of requests by outcome.")
    examined = serializers.IntegerField(help_text="Number of requests read for this page.")
    candidates = serializers.IntegerField(help_text="Number of requests that can be replayed.")
    next_before = serializers.IntegerField(allow_null=True, help_text="`before` of the next page; null at the end.")
    as_of_today = serializers.ListField(
        child=serializers.CharField(), help_text="Facts read as they are today, not as they were then."
    )
