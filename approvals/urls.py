"""/api/v1 of governance."""

from django.urls import path

from approvals import api

urlpatterns = [
    path("transition-requests", api.RequestsView.as_view(), name="api-requests"),
    path("transition-requests/<int:request_id>", api.RequestView.as_view(), name="api-request"),
    path("transition-requests/<int:request_id>/withdraw", api.WithdrawView.as_view(), name="api-request-withdraw"),
    path("transition-requests/<int:request_id>/reviews", api.ReviewsView.as_view(), name="api-request-reviews"),
    path("transition-requests/<int:request_id>/overrides", api.OverridesView.as_view(), name="api-request-overrides"),
    path("policies", api.PoliciesView.as_view(), name="api-policies"),
]
