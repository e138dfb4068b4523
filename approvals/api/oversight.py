"""/api/v1: findings, post-reviews and re-reviews."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api.oversight_serializers import (
    AssignFindingSerializer,
    CloseFindingSerializer,
    CompletePostReviewSerializer,
    ConfirmSerializer,
    FindingListSerializer,
    FindingSerializer,
    OpenFindingSerializer,
    PostReviewListSerializer,
    PostReviewSerializer,
    ReReviewSerializer,
)
from approvals.case.re_review_dates import re_reviews_of
from approvals.oversight.finding_queries import get_finding, visible_findings
from approvals.oversight.findings import assign_finding, close_finding, open_finding
from approvals.oversight.post_review_queries import get_post_review, visible_post_reviews
from approvals.oversight.post_reviews import complete_post_review
from approvals.oversight.re_reviews import confirm_version
from registry.api import actor_of, checked, many, page
from registry.queries import get_version


class FindingsView(APIView):
    """GET: findings, open ones first, then by severity. POST: open one."""

    @extend_schema(parameters=[FindingListSerializer], responses=FindingSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the findings of the models the caller may see: open ones first, then by severity."""
        wanted = checked(FindingListSerializer, request.query_params)
        named = {key: wanted[key] for key in ("state", "severity", "model", "owner")}
        rows, rest = page(visible_findings(actor_of(request), **named), wanted)
        return Response({"findings": many(FindingSerializer, rows), **rest})

    @extend_schema(request=OpenFindingSerializer, responses={201: FindingSerializer})
    def post(self, request: Request) -> Response:
        """Open a finding and return it (201). Raises NotFound, Denied (may not edit the model), InvalidInput."""
        said = checked(OpenFindingSerializer, request.data)
        made = open_finding(actor=actor_of(request), name=said.pop("model"), **said)
        return Response(FindingSerializer(made).data, status=status.HTTP_201_CREATED)


class FindingView(APIView):
    """GET: one finding."""

    @extend_schema(responses=FindingSerializer)
    def get(self, request: Request, finding_id: int) -> Response:
        """Return one finding. Raises NotFound."""
        return Response(FindingSerializer(get_finding(actor_of(request), finding_id)).data)


class CloseFindingView(APIView):
    """POST: close a finding; it cannot be opened again."""

    @extend_schema(request=CloseFindingSerializer, responses=FindingSerializer)
    def post(self, request: Request, finding_id: int) -> Response:
        """Close a finding for good and return it. Raises NotFound, InvalidInput, Denied, InvalidState (closed)."""
        said = checked(CloseFindingSerializer, request.data)
        return Response(FindingSerializer(close_finding(actor=actor_of(request), finding_id=finding_id, **said)).data)


class AssignFindingView(APIView):
    """POST: give a finding another owner and due date."""

    @extend_schema(request=AssignFindingSerializer, responses=FindingSerializer)
    def post(self, request: Request, finding_id: int) -> Response:
        """Set the owner and due date of a finding and return it.

        Raises NotFound, InvalidInput, Denied, InvalidState (it is closed).
        """
        said = checked(AssignFindingSerializer, request.data)
        return Response(FindingSerializer(assign_finding(actor=actor_of(request), finding_id=finding_id, **said)).data)


class PostReviewsView(APIView):
    """GET: post-reviews of break-glass requests, the earliest due date first."""

    @extend_schema(parameters=[PostReviewListSerializer], responses=PostReviewSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the post-reviews of the models the caller may see, the earliest due date first."""
        wanted = checked(PostReviewListSerializer, request.query_params)
        found = visible_post_reviews(actor_of(request), state=wanted["state"], model=wanted["model"])
        rows, rest = page(found, wanted)
        return Response({"post_reviews": many(PostReviewSerializer, rows), **rest})


class CompletePostReviewView(APIView):
    """POST: record the outcome. Only a person who is signed in, and neither of the two who used break-glass."""

    @extend_schema(request=CompletePostReviewSerializer, responses=PostReviewSerializer)
    def post(self, request: Request, post_review_id: int) -> Response:
        """Record the outcome of a post-review and return it.

        Only a person who is signed in, and neither of the two who used break-glass. Raises NotFound, InvalidInput,
        Denied, InvalidState (it is completed already).
        """
        actor, said = actor_of(request), checked(CompletePostReviewSerializer, request.data)
        complete_post_review(actor=actor, post_review_id=post_review_id, **said)
        return Response(PostReviewSerializer(get_post_review(actor, post_review_id)).data)


class ReReviewsView(APIView):
    """GET: the next due date and the re-reviews of a version. POST: confirm it; only a person who is signed in."""

    @extend_schema(responses=ReReviewSerializer(many=True))
    def get(self, request: Request, name: str, version: int) -> Response:
        """Return when the version must be reviewed again, and its re-reviews, newest first. Raises NotFound."""
        found = get_version(actor_of(request), name, version)
        return Response(
            {"review_due_at": found.review_due_at, "re_reviews": many(ReReviewSerializer, re_reviews_of(found))}
        )

    @extend_schema(request=ConfirmSerializer, responses={201: ReReviewSerializer})
    def post(self, request: Request, name: str, version: int) -> Response:
        """Confirm that the version may stay and return the re-review (201). Only a person who is signed in.

        Raises NotFound, InvalidInput (no comment), InvalidState (no policy asks for a re-review), Denied.
        """
        said = checked(ConfirmSerializer, request.data)
        given = confirm_version(actor=actor_of(request), name=name, version=version, **said)
        return Response(ReReviewSerializer(given).data, status=status.HTTP_201_CREATED)
