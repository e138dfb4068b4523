"""/api/v1/policies: read a policy, propose a change, review it, and try a draft on a version or on past requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework import status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.api.policy_serializers import (
    DryRunQuerySerializer,
    DryRunSerializer,
    PolicyDetailSerializer,
    ProposalDecisionSerializer,
    ProposalDetailSerializer,
    ProposalListSerializer,
    ProposalSerializer,
    ProposeQuerySerializer,
    ProposeSerializer,
    ReplayedSerializer,
    ReplayQuerySerializer,
    ReplaySerializer,
    RevisionQuerySerializer,
)
from approvals.api.serializers import WithdrawSerializer
from approvals.api.yaml_body import (
    FormatParameter,
    PolicyYAMLRenderer,
    TextYAMLParser,
    XYAMLParser,
    YAMLParser,
    YamlText,
)
from approvals.permissions.policy_people import possible_reviewers, reviewer_hint
from approvals.policy_changes.dry_run import dry_run
from approvals.policy_changes.propose import decide_proposal, propose_policy, propose_retirement, withdraw_proposal
from approvals.policy_changes.replay import TODAY, replay
from core.actors import Actor, Scope
from core.errors import InvalidInput
from core.rest import ApiView, SerializerClass, accepts, filters, listed, page
from policies.models import PolicyDecision, PolicyProposal, ProposalState
from policies.queries import get_proposal, get_revision, proposals
from policies.schema import policy_schema
from policies.yaml_text import parse_yaml
from registry.api.views import actor_of, many

# A trial by POST writes nothing, so a token that may read is enough.
_READS = {"POST": Scope.REGISTRY_READ}

_PROPOSAL_FILTERS = {
    "proposer": "proposer__username",
    "reviewer": "reviews__reviewer__username",
    "since": "opened_at__gte",
    "until": "opened_at__lt",
}


class PolicyView(ApiView):
    """GET: the newest revision of a policy (`?revision=3`: that one), as JSON or as YAML."""

    renderer_classes = [JSONRenderer, PolicyYAMLRenderer]
    content_negotiation_class = FormatParameter

    @accepts(
        query=RevisionQuerySerializer,
        responses=PolicyDetailSerializer,
    )
    def get(self, request: Request, name: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Return a revision of the policy, the newest by default. Raises NotFound."""
        return Response(PolicyDetailSerializer(get_revision(name, self.query["revision"])).data)


class PolicySchemaView(ApiView):
    """GET: the policy language as JSON Schema."""

    @accepts(responses={(200, "application/schema+json"): OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """Return the JSON Schema of a policy document."""
        return Response(policy_schema(), content_type="application/schema+json")


class ProposalsView(ApiView):
    """GET: proposals, newest first. POST: propose a policy as JSON or YAML, or the retirement of one."""

    parser_classes = [*ApiView.parser_classes, YAMLParser, XYAMLParser, TextYAMLParser]

    @accepts(query=ProposalListSerializer, responses=listed("proposals", ProposalSerializer))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """List the policy proposals by state and policy, newest first."""
        query = self.query
        visible = proposals(state=query["state"], name=query["policy"]).filter(**filters(query, _PROPOSAL_FILTERS))
        rows, paging = page(visible.distinct() if query.get("reviewer") else visible, query)
        return Response({"proposals": many(ProposalSerializer, rows), **paging})

    @accepts(
        query=ProposeQuerySerializer,
        body=ProposeSerializer,
        request={"application/json": ProposeSerializer, "application/yaml": OpenApiTypes.STR},
        responses={201: ProposalDetailSerializer},
    )
    def post(self, request: Request) -> Response:
        """Propose a policy, or the retirement of one, and return the open proposal (201).

        Raises InvalidInput (its message has a line for each problem), TooLarge, NotFound, Denied, InvalidState,
        Conflict.
        """
        actor, comment = actor_of(request), self.query["comment"]
        if isinstance(request.data, YamlText):
            proposal = propose_policy(actor=actor, body=parse_yaml(request.data.text), comment=comment)
        else:
            proposal = _propose(actor, self.body)
        return Response(_detail(proposal.pk), status=status.HTTP_201_CREATED)

    def read_body(self, serializer: SerializerClass | None, data: Any) -> dict[str, Any]:
        """Return the validated JSON body; an empty dict for a YAML body, which `post` reads. Raises InvalidInput."""
        if isinstance(data, YamlText):
            return {}
        if self.query["comment"]:
            raise InvalidInput("The query parameter comment goes with a YAML body. Put the comment into the JSON body.")
        return super().read_body(serializer, data)


class ProposalView(ApiView):
    """GET: one proposal with its reviews, and who could approve it."""

    @accepts(responses=ProposalDetailSerializer)
    def get(self, request: Request, proposal_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """Return one proposal with its reviews, and who could approve it. Raises NotFound."""
        return Response(_detail(proposal_id))


class ProposalDecisionView(ApiView):
    """POST: approve a proposal by its digest, or reject it. Only a second person who is signed in may; no token may."""

    decision = PolicyDecision.APPROVE

    @accepts(body=ProposalDecisionSerializer, responses=ProposalDetailSerializer)
    def post(self, request: Request, proposal_id: int) -> Response:
        """Approve or reject a proposal and return it. An approval puts the change in force at once.

        Only a second person who is signed in may do so; no token may. Raises NotFound, InvalidInput, Denied,
        InvalidState (closed), Conflict (another digest, or a newer revision was published).
        """
        body = self.body
        decide_proposal(actor=actor_of(request), proposal_id=proposal_id, decision=self.decision.value, **body)
        return Response(_detail(proposal_id))


class ProposalWithdrawView(ApiView):
    """POST: withdraw a proposal."""

    @accepts(body=WithdrawSerializer, responses=ProposalDetailSerializer)
    def post(self, request: Request, proposal_id: int) -> Response:
        """Withdraw an open proposal and return it. Raises NotFound, InvalidInput, Denied, InvalidState."""
        body = self.body
        withdraw_proposal(actor=actor_of(request), proposal_id=proposal_id, **body)
        return Response(_detail(proposal_id))


class DryRunView(ApiView):
    """POST: the verdict of a draft on one version now. Nothing is written."""

    required_scopes = _READS

    @accepts(body=DryRunQuerySerializer, responses=DryRunSerializer)
    def post(self, request: Request) -> Response:
        """Return the verdict of a draft on one version now. Raises NotFound, InvalidInput, TooLarge. Writes nothing."""
        options = self.body
        policy = _policy_body(options.pop("policy"))
        result = dry_run(actor=actor_of(request), body=policy, name=options.pop("model"), **options)
        return Response(DryRunSerializer(result).data)


class ReplayView(ApiView):
    """POST: the decisions of a draft on past requests. Nothing is written."""

    required_scopes = _READS

    @accepts(body=ReplayQuerySerializer, responses=ReplaySerializer)
    def post(self, request: Request) -> Response:
        """Return the decisions of a draft on past requests. Raises InvalidInput, TooLarge. Writes nothing."""
        options = self.body
        result = replay(actor=actor_of(request), body=_policy_body(options.pop("policy")), **options)
        return Response(
            {
                "requests": many(ReplayedSerializer, list(result.rows)),
                "totals": result.totals,
                "examined": result.examined,
                "candidates": result.candidates,
                "next_before": result.next_before,
                "as_of_today": list(TODAY),
            }
        )


def _propose(actor: Actor, body: dict[str, Any]) -> PolicyProposal:
    if bool(body["retire"]) == (body["policy"] is not None):
        raise InvalidInput("Give either `policy`, the new body, or `retire`, the name of a policy.")
    if body["retire"]:
        return propose_retirement(actor=actor, name=body["retire"], comment=body["comment"])
    return propose_policy(actor=actor, body=_policy_body(body["policy"]), comment=body["comment"])


def _policy_body(policy: object) -> Mapping[str, object]:
    """Return the policy of a request body, which is an object or a string with YAML. Raises InvalidInput, TooLarge."""
    if isinstance(policy, str):
        return parse_yaml(policy)
    if not isinstance(policy, Mapping):
        raise InvalidInput("policy must be an object, or a string with YAML.")
    return policy


def _detail(proposal_id: int) -> dict[str, Any]:
    proposal = get_proposal(proposal_id)
    is_open = proposal.state == ProposalState.OPEN
    reviewers = possible_reviewers(proposal) if is_open else []
    hint = reviewer_hint(reviewers) if is_open else ""
    return {**ProposalSerializer(proposal).data, "possible_reviewers": reviewers, "advice": hint}
