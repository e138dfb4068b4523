"""/api/v1: findings, post-reviews and re-reviews."""

from __future__ import annotations

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

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
from core.rest import ApiView, accepts, filters, listed, page
from registry.api.views import actor_of, many
from registry.queries import get_version

_REVIEW_DUE_AT = serializers.DateTimeField(allow_null=True, help_text="null: no policy asks for a re-review.")
_FINDING_FILTERS = {
    "version": "version__version",
    "origin": "origin",
    "opened_by": "opened_by",
    "closed_by": "closed_by",
    "since": "opened_at__gte",
    "until": "opened_at__lt",
}
_POST_REVIEW_FILTERS = {
    "requester": "requester__username",
    "reviewer": "completed_by__username",
    "since": "broken_at__gte",
    "until": "broken_at__lt",
}


class FindingsView(ApiView):
    """GET: findings, open ones first, then by severity. POST: open one."""

    @accepts(query=FindingListSerializer, responses=listed("findings", FindingSerializer))
    def get(self, request: Request) -> Response:
        """List the findings of the models the caller may see: open ones first, then by severity."""
        query = self.query
        criteria = {key: query[key] for key in ("state", "severity", "model", "owner")}
        visible = visible_findings(actor_of(request), **criteria).filter(**filters(query, _FINDING_FILTERS))
        rows, paging = page(visible, query)
        return Response({"findings": many(FindingSerializer, rows), **paging})

    @accepts(body=OpenFindingSerializer, responses={201: FindingSerializer})
    def post(self, request: Request) -> Response:
        """Open a finding and return it (201). Raises NotFound, Denied (may not edit the model), InvalidInput."""
        body = self.body
        finding = open_finding(actor=actor_of(request), name=body.pop("model"), **body)
        return Response(FindingSerializer(finding).data, status=status.HTTP_201_CREATED)


class FindingView(ApiView):
    """GET: one finding."""

    @accepts(responses=FindingSerializer)
    def get(self, request: Request, finding_id: int) -> Response:
        """Return one finding. Raises NotFound."""
        return Response(FindingSerializer(get_finding(actor_of(request), finding_id)).data)


class CloseFindingView(ApiView):
    """POST: close a finding; it cannot be opened again."""

    @accepts(body=CloseFindingSerializer, responses=FindingSerializer)
    def post(self, request: Request, finding_id: int) -> Response:
        """Close a finding and return it. It cannot be opened again.

        Raises NotFound, InvalidInput, Denied, InvalidState (it is closed already).
        """
        body = self.body
        return Response(FindingSerializer(close_finding(actor=actor_of(request), finding_id=finding_id, **body)).data)


class AssignFindingView(ApiView):
    """POST: give a finding another owner and due date."""

    @accepts(body=AssignFindingSerializer, responses=FindingSerializer)
    def post(self, request: Request, finding_id: int) -> Response:
        """Set the owner and due date of a finding and return it.

        Raises NotFound, InvalidInput, Denied, InvalidState (it is closed).
        """
        body = self.body
        return Response(FindingSerializer(assign_finding(actor=actor_of(request), finding_id=finding_id, **body)).data)


class PostReviewsView(ApiView):
    """GET: post-reviews of break-glass requests, the earliest due date first."""

    @accepts(query=PostReviewListSerializer, responses=listed("post_reviews", PostReviewSerializer))
    def get(self, request: Request) -> Response:
        """List the post-reviews of the models the caller may see, the earliest due date first."""
        query = self.query
        visible = visible_post_reviews(actor_of(request), state=query["state"], model=query["model"])
        rows, paging = page(visible.filter(**filters(query, _POST_REVIEW_FILTERS)), query)
        return Response({"post_reviews": many(PostReviewSerializer, rows), **paging})


class CompletePostReviewView(ApiView):
    """POST: complete a post-review. Only a signed-in person may, and neither of the two who used break-glass."""

    @accepts(body=CompletePostReviewSerializer, responses=PostReviewSerializer)
    def post(self, request: Request, post_review_id: int) -> Response:
        """Record the outcome of a post-review and return the post-review.

        Only a third person who is signed in may, neither of the two who used break-glass. Raises NotFound,
        InvalidInput, Denied, InvalidState (it is completed already).
        """
        actor, body = actor_of(request), self.body
        complete_post_review(actor=actor, post_review_id=post_review_id, **body)
        return Response(PostReviewSerializer(get_post_review(actor, post_review_id)).data)


class ReReviewsView(ApiView):
    """GET: the due date and the re-reviews of a version. POST: confirm the version; only a signed-in person may."""

    @accepts(responses=listed("re_reviews", ReReviewSerializer, paged=False, review_due_at=_REVIEW_DUE_AT))
    def get(self, request: Request, name: str, version: int) -> Response:
        """Return the time when the version must be reviewed again, and its re-reviews, newest first.

        Raises NotFound.
        """
        version_row = get_version(actor_of(request), name, version)
        re_reviews = many(ReReviewSerializer, re_reviews_of(version_row))
        return Response({"review_due_at": version_row.review_due_at, "re_reviews": re_reviews})

    @accepts(body=ConfirmSerializer, responses={201: ReReviewSerializer})
    def post(self, request: Request, name: str, version: int) -> Response:
        """Confirm that the version may stay and return the re-review (201). Only a person who is signed in may.

        Raises NotFound, InvalidInput (no comment), InvalidState (no policy asks for a re-review), Denied.
        """
        body = self.body
        re_review = confirm_version(actor=actor_of(request), name=name, version=version, **body)
        return Response(ReReviewSerializer(re_review).data, status=status.HTTP_201_CREATED)
