"""/api/v1: transition requests, their reviews, and the policies that govern."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api.serializers import (
    CheckRunSerializer,
    DecideSerializer,
    GiveOverrideSerializer,
    ListSerializer,
    OpenSerializer,
    OverrideSerializer,
    PolicySerializer,
    RequestSerializer,
    ReviewSerializer,
    RuleSerializer,
    TakeBackSerializer,
    WithdrawSerializer,
)
from approvals.case.loading import load_case, load_cases
from approvals.models import LIVE_STATES, TransitionRequest
from approvals.requests.lifecycle import withdraw_request
from approvals.requests.open import open_request
from approvals.requests.override import override_rule, withdraw_override
from approvals.requests.queries import check_runs_of, get_request, overrides_of, reviews_of, visible_requests
from approvals.requests.review import decide_request
from policies.matching import active_policies
from registry.api import actor_of, checked, many, page


class RequestsView(APIView):
    """GET: transition requests, newest first. POST: ask for one (the live one is returned where there is one)."""

    @extend_schema(parameters=[ListSerializer], responses=RequestSerializer(many=True))
    def get(self, request: Request) -> Response:
        wanted = checked(ListSerializer, request.query_params)
        found = visible_requests(actor_of(request), state=wanted["state"], model=wanted["model"])
        rows, rest = page(found, wanted)
        return Response({"transition_requests": _requests(request, rows), **rest})

    @extend_schema(request=OpenSerializer, responses={201: RequestSerializer})
    def post(self, request: Request) -> Response:
        asked = checked(OpenSerializer, request.data)
        made = open_request(actor=actor_of(request), name=asked.pop("model"), **asked)
        return Response(request_detail(request, made.pk), status=status.HTTP_201_CREATED)


class RequestView(APIView):
    """GET: one request with its verdict rule by rule, its checks with their evidence, and its reviews."""

    @extend_schema(responses=RequestSerializer)
    def get(self, request: Request, request_id: int) -> Response:
        return Response(request_detail(request, request_id))


class WithdrawView(APIView):
    """POST: close a request that is not wanted any more."""

    @extend_schema(request=WithdrawSerializer, responses=RequestSerializer)
    def post(self, request: Request, request_id: int) -> Response:
        withdraw_request(actor=actor_of(request), request_id=request_id, **checked(WithdrawSerializer, request.data))
        return Response(request_detail(request, request_id))


class ReviewsView(APIView):
    """GET: the reviews of a request. POST: decide on it; only a person who is signed in, never a token."""

    @extend_schema(responses=ReviewSerializer(many=True))
    def get(self, request: Request, request_id: int) -> Response:
        found = get_request(actor_of(request), request_id)
        return Response({"reviews": many(ReviewSerializer, reviews_of(found))})

    @extend_schema(request=DecideSerializer, responses={201: ReviewSerializer})
    def post(self, request: Request, request_id: int) -> Response:
        said = checked(DecideSerializer, request.data)
        made = decide_request(actor=actor_of(request), request_id=request_id, **said)
        return Response(ReviewSerializer(made).data, status=status.HTTP_201_CREATED)


class OverridesView(APIView):
    """GET: the overrides of a request. POST: let a soft rule be; only a person of a group the rule names, never a token."""

    @extend_schema(responses=OverrideSerializer(many=True))
    def get(self, request: Request, request_id: int) -> Response:
        found = get_request(actor_of(request), request_id)
        return Response({"overrides": many(OverrideSerializer, overrides_of(found))})

    @extend_schema(request=GiveOverrideSerializer, responses={201: OverrideSerializer})
    def post(self, request: Request, request_id: int) -> Response:
        said = checked(GiveOverrideSerializer, request.data)
        made = override_rule(actor=actor_of(request), request_id=request_id, **said)
        return Response(OverrideSerializer(made).data, status=status.HTTP_201_CREATED)


class TakeBackView(APIView):
    """POST: take an override back; whoever gave it or is of a group the rule names, in person, never a token."""

    @extend_schema(request=TakeBackSerializer, responses=OverrideSerializer)
    def post(self, request: Request, request_id: int, override_id: int) -> Response:
        said = checked(TakeBackSerializer, request.data)
        row = withdraw_override(actor=actor_of(request), request_id=request_id, override_id=override_id, **said)
        return Response(OverrideSerializer(row).data)


class PoliciesView(APIView):
    """GET: the policies that govern now."""

    @extend_schema(responses=PolicySerializer(many=True))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature; everybody signed in may read policies
        revisions = sorted((found.revision for found in active_policies()), key=lambda row: row.policy.name)
        return Response({"policies": many(PolicySerializer, revisions)})


def _requests(request: Request, rows: list[TransitionRequest]) -> list[Any]:
    live = [row for row in rows if row.state in LIVE_STATES]
    cases = {case.request.pk: case for case in load_cases(live)}
    return many(RequestSerializer, rows, cases=cases, base_url=base_url(request))


def request_detail(request: Request, request_id: int) -> dict[str, Any]:
    """Return one request with its verdict, checks and reviews. NotFound."""
    row = get_request(actor_of(request), request_id)
    live = row.state in LIVE_STATES
    case = load_case(row) if live else None
    context = {"cases": {row.pk: case} if case else {}, "base_url": base_url(request)}
    return {
        **RequestSerializer(row, context=context).data,
        "rules": many(RuleSerializer, list(case.verdict.rules)) if case else [],
        "checks": many(CheckRunSerializer, check_runs_of(row)),
        "reviews": many(ReviewSerializer, reviews_of(row)),
        "overrides": many(OverrideSerializer, overrides_of(row)),
    }


def base_url(request: Request) -> str:
    """Return how the caller reaches this server."""
    return request.build_absolute_uri("/").rstrip("/")
