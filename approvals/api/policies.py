"""/api/v1/policies: read a policy, propose a change, review it, and try a draft on a version or on the past."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api.policy_serializers import (
    DryRunQuerySerializer,
    DryRunSerializer,
    PolicyDetailSerializer,
    ProposalDecisionSerializer,
    ProposalListSerializer,
    ProposalSerializer,
    ProposeSerializer,
    ReplayedSerializer,
    ReplayQuerySerializer,
    RevisionQuerySerializer,
)
from approvals.api.serializers import WithdrawSerializer
from approvals.api.yaml_body import PolicyYAMLRenderer, TextYAMLParser, XYAMLParser, YAMLParser, YamlText
from approvals.permissions.policy_people import possible_reviewers, reviewer_hint
from approvals.policy_changes.dry_run import dry_run
from approvals.policy_changes.propose import decide_proposal, propose_policy, propose_retirement, withdraw_proposal
from approvals.policy_changes.replay import TODAY, replay
from core.actors import Scope
from core.errors import InvalidInput
from policies.models import PolicyDecision, PolicyProposal, ProposalState
from policies.queries import get_proposal, get_revision, proposals
from policies.schema import policy_schema
from policies.yaml_text import parse_yaml
from registry.api import actor_of, checked, many, page

_READS = {"POST": Scope.REGISTRY_READ}


class PolicyView(APIView):
    """GET: the newest revision of a policy (`?revision=3`: that one), as JSON or as YAML."""

    renderer_classes = [JSONRenderer, PolicyYAMLRenderer]

    @extend_schema(
        parameters=[RevisionQuerySerializer, OpenApiParameter("format", enum=["json", "yaml"])],
        responses=PolicyDetailSerializer,
    )
    def get(self, request: Request, name: str) -> Response:
        """Return a revision of the policy, the newest by default. Raises NotFound."""
        wanted = checked(RevisionQuerySerializer, request.query_params)
        return Response(PolicyDetailSerializer(get_revision(name, wanted["revision"])).data)


class PolicySchemaView(APIView):
    """GET: the policy language as JSON Schema."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """Return the JSON Schema of a policy document."""
        return Response(policy_schema(), content_type="application/schema+json")


class ProposalsView(APIView):
    """GET: proposals, newest first. POST: propose a policy (JSON, or YAML as it is), or that one be retired."""

    parser_classes = [*APIView.parser_classes, YAMLParser, XYAMLParser, TextYAMLParser]

    @extend_schema(parameters=[ProposalListSerializer], responses=ProposalSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the policy proposals by state and policy, newest first."""
        wanted = checked(ProposalListSerializer, request.query_params)
        rows, rest = page(proposals(state=wanted["state"], name=wanted["policy"]), wanted)
        return Response({"proposals": many(ProposalSerializer, rows), **rest})

    @extend_schema(
        parameters=[OpenApiParameter("comment", description="Why; beside a YAML body.")],
        request={"application/json": ProposeSerializer, "application/yaml": OpenApiTypes.STR},
        responses={201: ProposalSerializer},
    )
    def post(self, request: Request) -> Response:
        """Propose a policy, or to retire one, and return the open proposal (201).

        Raises InvalidInput (one line for each problem), TooLarge, NotFound, Denied, InvalidState, Conflict.
        """
        made = _propose(request)
        return Response(_detail(made.pk), status=status.HTTP_201_CREATED)


class ProposalView(APIView):
    """GET: one proposal with its reviews, and who could approve it."""

    @extend_schema(responses=ProposalSerializer)
    def get(self, request: Request, proposal_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """Return one proposal with its reviews, and who could approve it. Raises NotFound."""
        return Response(_detail(proposal_id))


class ProposalDecisionView(APIView):
    """POST: approve (with the digest that was looked at) or reject. A second person who is signed in, never a token."""

    decision = PolicyDecision.APPROVE

    @extend_schema(request=ProposalDecisionSerializer, responses=ProposalSerializer)
    def post(self, request: Request, proposal_id: int) -> Response:
        """Approve or reject a proposal and return it. An approval puts the change in force at once.

        A second person who is signed in, never a token. Raises NotFound, InvalidInput, Denied, InvalidState (closed),
        Conflict (another digest, or a newer revision was published).
        """
        said = checked(ProposalDecisionSerializer, request.data)
        decide_proposal(actor=actor_of(request), proposal_id=proposal_id, decision=self.decision.value, **said)
        return Response(_detail(proposal_id))


class ProposalWithdrawView(APIView):
    """POST: withdraw a proposal."""

    @extend_schema(request=WithdrawSerializer, responses=ProposalSerializer)
    def post(self, request: Request, proposal_id: int) -> Response:
        """Withdraw an open proposal and return it. Raises NotFound, InvalidInput, Denied, InvalidState."""
        said = checked(WithdrawSerializer, request.data)
        withdraw_proposal(actor=actor_of(request), proposal_id=proposal_id, **said)
        return Response(_detail(proposal_id))


class DryRunView(APIView):
    """POST: the verdict of a draft on one version now. Nothing is written."""

    required_scopes = _READS

    @extend_schema(request=DryRunQuerySerializer, responses=DryRunSerializer)
    def post(self, request: Request) -> Response:
        """Return the verdict of a draft on one version now. Raises NotFound, InvalidInput, TooLarge. Writes nothing."""
        asked = checked(DryRunQuerySerializer, request.data)
        body = _body(asked.pop("policy"))
        found = dry_run(actor=actor_of(request), body=body, name=asked.pop("model"), **asked)
        return Response(DryRunSerializer(found).data)


class ReplayView(APIView):
    """POST: what a draft would have decided on past requests. Nothing is written."""

    required_scopes = _READS

    @extend_schema(request=ReplayQuerySerializer, responses=ReplayedSerializer(many=True))
    def post(self, request: Request) -> Response:
        """Return what a draft would have decided on past requests. Raises InvalidInput, TooLarge. Writes nothing."""
        asked = checked(ReplayQuerySerializer, request.data)
        found = replay(actor=actor_of(request), body=_body(asked.pop("policy")), **asked)
        return Response(
            {
                "requests": many(ReplayedSerializer, list(found.rows)),
                "totals": found.totals,
                "examined": found.examined,
                "candidates": found.candidates,
                "next_before": found.next_before,
                "as_of_today": list(TODAY),
            }
        )


def _propose(request: Request) -> PolicyProposal:
    actor, data = actor_of(request), request.data
    if isinstance(data, YamlText):
        return propose_policy(actor=actor, body=parse_yaml(data.text), comment=request.query_params.get("comment", ""))
    asked = checked(ProposeSerializer, data)
    if bool(asked["retire"]) == (asked["policy"] is not None):
        raise InvalidInput("Say either policy (what it is to be) or retire (the name of one).")
    if asked["retire"]:
        return propose_retirement(actor=actor, name=asked["retire"], comment=asked["comment"])
    return propose_policy(actor=actor, body=_body(asked["policy"]), comment=asked["comment"])


def _body(policy: object) -> Mapping[str, object]:
    """Return a policy that came as an object, or as YAML in a text."""
    if isinstance(policy, str):
        return parse_yaml(policy)
    if not isinstance(policy, Mapping):
        raise InvalidInput("policy must be an object, or YAML as a text.")
    return policy


def _detail(proposal_id: int) -> dict[str, Any]:
    found = get_proposal(proposal_id)
    is_open = found.state == ProposalState.OPEN
    reviewers = possible_reviewers(found) if is_open else []
    hint = reviewer_hint(reviewers) if is_open else ""
    return {**ProposalSerializer(found).data, "possible_reviewers": reviewers, "advice": hint}
