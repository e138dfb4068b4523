"""/api/v1 of governance."""

from django.urls import path

from approvals import api, api_policies
from approvals.models import PolicyDecision

urlpatterns = [
    path("transition-requests", api.RequestsView.as_view(), name="api-requests"),
    path("transition-requests/<int:request_id>", api.RequestView.as_view(), name="api-request"),
    path("transition-requests/<int:request_id>/withdraw", api.WithdrawView.as_view(), name="api-request-withdraw"),
    path("transition-requests/<int:request_id>/reviews", api.ReviewsView.as_view(), name="api-request-reviews"),
    path("policies", api.PoliciesView.as_view(), name="api-policies"),
    path("policies/schema", api_policies.PolicySchemaView.as_view(), name="api-policy-schema"),
    path("policies/dry-run", api_policies.DryRunView.as_view(), name="api-policy-dry-run"),
    path("policies/replay", api_policies.ReplayView.as_view(), name="api-policy-replay"),
    path("policies/proposals", api_policies.ProposalsView.as_view(), name="api-proposals"),
    path("policies/proposals/<int:proposal_id>", api_policies.ProposalView.as_view(), name="api-proposal"),
    path("policies/proposals/<int:proposal_id>/withdraw", api_policies.ProposalWithdrawView.as_view()),
    *(
        path(
            f"policies/proposals/<int:proposal_id>/{decision.value}",
            api_policies.ProposalDecisionView.as_view(decision=decision),
        )
        for decision in PolicyDecision
    ),
    path("policies/<str:name>", api_policies.PolicyView.as_view(), name="api-policy"),
]
