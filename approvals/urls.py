"""/api/v1 of governance."""

from django.urls import path

from approvals import api, moving_api, oversight_api

_VERSION = "models/<str:name>/versions/<int:version>"

urlpatterns = [
    path("transition-requests", api.RequestsView.as_view(), name="api-requests"),
    path("transition-requests/<int:request_id>", api.RequestView.as_view(), name="api-request"),
    path("transition-requests/<int:request_id>/withdraw", api.WithdrawView.as_view(), name="api-request-withdraw"),
    path("transition-requests/<int:request_id>/reviews", api.ReviewsView.as_view(), name="api-request-reviews"),
    path("policies", api.PoliciesView.as_view(), name="api-policies"),
    path("models/<str:name>/aliases/<str:alias>", moving_api.AliasView.as_view(), name="api-alias"),
    path("models/<str:name>/rollback", moving_api.RollBackView.as_view(), name="api-rollback"),
    path(f"{_VERSION}/break-glass", moving_api.BreakGlassView.as_view(), name="api-break-glass"),
    path(f"{_VERSION}/re-reviews", oversight_api.ReReviewsView.as_view(), name="api-re-reviews"),
    path("findings", oversight_api.FindingsView.as_view(), name="api-findings"),
    path("findings/<int:finding_id>", oversight_api.FindingView.as_view(), name="api-finding"),
    path("findings/<int:finding_id>/close", oversight_api.CloseFindingView.as_view(), name="api-finding-close"),
    path("findings/<int:finding_id>/assign", oversight_api.AssignFindingView.as_view(), name="api-finding-assign"),
    path("post-reviews", oversight_api.PostReviewsView.as_view(), name="api-post-reviews"),
    path(
        "post-reviews/<int:post_review_id>/complete",
        oversight_api.CompletePostReviewView.as_view(),
        name="api-post-review-complete",
    ),
]
