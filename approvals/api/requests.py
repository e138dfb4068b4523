"""/api/v1: transition requests, their reviews and overrides, and the policies in force."""

from __future__ import annotations

from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.api.serializers import (
    CheckRunSerializer,
    DecideSerializer,
    GiveOverrideSerializer,
    ListSerializer,
    OpenSerializer,
    OverrideSerializer,
    PolicySerializer,
    ReasonSerializer,
    RequestDetailSerializer,
    RequestSerializer,
    ReviewSerializer,
    RuleSerializer,
    WithdrawOverrideSerializer,
    WithdrawSerializer,
)
from approvals.case.loading import load_case, load_cases
from approvals.check_runs.visible_facts import visible_evidence
from approvals.models import LIVE_STATES, TransitionRequest
from approvals.oversight.condition_terms import ConditionTerms
from approvals.requests.give_reason import give_reason
from approvals.requests.lifecycle import withdraw_request
from approvals.requests.open import open_request
from approvals.requests.override import override_rule, withdraw_override
from approvals.requests.queries import (
    check_runs_of,
    get_request,
    overrides_of,
    reviewed_by,
    reviews_of,
    visible_requests,
)
from approvals.requests.review import decide_request
from core.rest import ApiView, accepts, filters, listed, page
from policies.matching import active_policies
from registry.api.views import actor_of, many

_FILTERS = {
    "version": "version__version",
    "target": "target",
    "requester": "requester__username",
    "since": "opened_at__gte",
    "until": "opened_at__lt",
}


class RequestsView(ApiView):
    """GET: transition requests, newest first. POST: open one, or return the live one for the same move."""

    @accepts(query=ListSerializer, responses=listed("transition_requests", RequestSerializer))
    def get(self, request: Request) -> Response:
        """List the transition requests of the models the caller may see, newest first."""
        query = self.query
        requests = visible_requests(actor_of(request), state=query["state"], model=query["model"])
        if reviewer := query.get("reviewer"):
            requests = requests.filter(pk__in=reviewed_by(reviewer))
        rows, paging = page(requests.filter(**filters(query, _FILTERS)), query)
        return Response({"transition_requests": _requests(request, rows), **paging})

    @accepts(body=OpenSerializer, responses={201: RequestDetailSerializer})
    def post(self, request: Request) -> Response:
        """Open a transition request, or return the live one for the same move (201), with its verdict.

        Raises NotFound, Denied, InvalidInput, InvalidState (the version is at the target already, or no policy governs
        the move), Conflict (the live request has other terms).
        """
        body = self.body
        opened = open_request(actor=actor_of(request), name=body.pop("model"), **body)
        return Response(request_detail(request, opened.pk), status=status.HTTP_201_CREATED)


class RequestView(ApiView):
    """GET: one request with its verdict rule by rule, its checks with their evidence, and its reviews."""

    @accepts(responses=RequestDetailSerializer)
    def get(self, request: Request, request_id: int) -> Response:
        """Return one request with its verdict by rule, checks, evidence and reviews. Raises NotFound."""
        return Response(request_detail(request, request_id))


class WithdrawView(ApiView):
    """POST: withdraw a live request."""

    @accepts(body=WithdrawSerializer, responses=RequestDetailSerializer)
    def post(self, request: Request, request_id: int) -> Response:
        """Withdraw a live request and return it, closed. Raises NotFound, InvalidInput, Denied, InvalidState."""
        withdraw_request(actor=actor_of(request), request_id=request_id, **self.body)
        return Response(request_detail(request, request_id))


class ReasonView(ApiView):
    """POST: set the reason of a live request that has none."""

    @accepts(body=ReasonSerializer, responses=RequestDetailSerializer)
    def post(self, request: Request, request_id: int) -> Response:
        """Set the reason of a live request and return it. Raises NotFound, InvalidInput, Denied, InvalidState."""
        give_reason(actor=actor_of(request), request_id=request_id, **self.body)
        return Response(request_detail(request, request_id))


class ReviewsView(ApiView):
    """GET: the reviews of a request. POST: decide on the request. Only a person who is signed in may; no token may."""

    @accepts(responses=listed("reviews", ReviewSerializer, paged=False))
    def get(self, request: Request, request_id: int) -> Response:
        """List the reviews of a request. Raises NotFound."""
        row = get_request(actor_of(request), request_id)
        return Response({"reviews": many(ReviewSerializer, reviews_of(row))})

    @accepts(body=DecideSerializer, responses={201: ReviewSerializer})
    def post(self, request: Request, request_id: int) -> Response:
        """Record the caller's decision on a request and return the review (201).

        Only a person who is signed in may decide; no token may. Raises NotFound, InvalidInput, Denied, InvalidState
        (the request is closed, or its checks have not passed), Conflict (the state has changed, or the caller has
        decided so already).
        """
        body = self.body
        conditions = [ConditionTerms(**item) for item in body.pop("conditions")]
        review = decide_request(actor=actor_of(request), request_id=request_id, conditions=conditions, **body)
        return Response(ReviewSerializer(review).data, status=status.HTTP_201_CREATED)


class OverridesView(ApiView):
    """GET: the overrides of a request. POST: override a soft rule. Only a member of a group in the rule may."""

    @accepts(responses=listed("overrides", OverrideSerializer, paged=False))
    def get(self, request: Request, request_id: int) -> Response:
        """List the overrides of a request. Raises NotFound."""
        row = get_request(actor_of(request), request_id)
        return Response({"overrides": many(OverrideSerializer, overrides_of(row))})

    @accepts(body=GiveOverrideSerializer, responses={201: OverrideSerializer})
    def post(self, request: Request, request_id: int) -> Response:
        """Override a soft rule of a request and return the override (201).

        Only a signed-in member of a group in the rule may; no token may. Raises NotFound, InvalidInput, Denied,
        InvalidState (the request is closed, or the rule does not block), Conflict (the state has changed, or the rule
        is overridden already).
        """
        body = self.body
        override = override_rule(actor=actor_of(request), request_id=request_id, **body)
        return Response(OverrideSerializer(override).data, status=status.HTTP_201_CREATED)


class WithdrawOverrideView(ApiView):
    """POST: withdraw an override. Its giver, or a member of a group in the rule, may; no token may."""

    @accepts(body=WithdrawOverrideSerializer, responses=OverrideSerializer)
    def post(self, request: Request, request_id: int, override_id: int) -> Response:
        """Withdraw an override and return it.

        Only its giver, or a signed-in member of a group in the rule, may; no token may. Raises NotFound,
        InvalidInput, Denied, InvalidState, Conflict (it is withdrawn already).
        """
        body = self.body
        row = withdraw_override(actor=actor_of(request), request_id=request_id, override_id=override_id, **body)
        return Response(OverrideSerializer(row).data)


class PoliciesView(ApiView):
    """GET: the policies in force."""

    @accepts(responses=listed("policies", PolicySerializer, paged=False))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature; everybody signed in may read policies
        """List the revisions of the policies in force, by name."""
        revisions = sorted((policy.revision for policy in active_policies()), key=lambda row: row.policy.name)
        return Response({"policies": many(PolicySerializer, revisions)})


def _requests(request: Request, rows: list[TransitionRequest]) -> list[Any]:
    live = [row for row in rows if row.state in LIVE_STATES]
    cases = {case.request.pk: case for case in load_cases(live)}
    return many(RequestSerializer, rows, cases=cases, base_url=base_url(request))


def request_detail(request: Request, request_id: int) -> dict[str, Any]:
    """Return one request with its verdict, checks and reviews. Raises NotFound."""
    row = get_request(actor_of(request), request_id)
    case = load_case(row) if row.state in LIVE_STATES else None
    context = {"cases": {row.pk: case} if case else {}, "base_url": base_url(request)}
    jobs = check_runs_of(row)
    return {
        **RequestSerializer(row, context=context).data,
        "rules": many(RuleSerializer, list(case.verdict.rules)) if case else [],
        "checks": many(CheckRunSerializer, jobs, evidence=visible_evidence(actor_of(request), jobs)),
        "reviews": many(ReviewSerializer, reviews_of(row)),
        "overrides": many(OverrideSerializer, overrides_of(row)),
    }


def base_url(request: Request) -> str:
    """Return the URL of this server as the caller uses it."""
    return request.build_absolute_uri("/").rstrip("/")
