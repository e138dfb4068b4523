"""/api/v1 of governance."""

from django.urls import path

from approvals import api, api_policies, card_api, checks_api, moving_api, oversight_api
from approvals.models import PolicyDecision

_VERSION = "models/<str:name>/versions/<int:version>"

urlpatterns = [
    path(f"{_VERSION}/card", card_api.CardView.as_view(), name="api-card"),
    path(f"{_VERSION}/card/import", card_api.CardImportView.as_view(), name="api-card-import"),
    path(f"{_VERSION}/card/diff", card_api.CardDiffView.as_view(), name="api-card-diff"),
    path(f"{_VERSION}/packs", card_api.PacksView.as_view(), name="api-packs"),
    path(f"{_VERSION}/packs/<int:number>", card_api.PackView.as_view(), name="api-pack"),
    path("transition-requests", api.RequestsView.as_view(), name="api-requests"),
    path("transition-requests/<int:request_id>", api.RequestView.as_view(), name="api-request"),
    path("transition-requests/<int:request_id>/withdraw", api.WithdrawView.as_view(), name="api-request-withdraw"),
    path("transition-requests/<int:request_id>/reviews", api.ReviewsView.as_view(), name="api-request-reviews"),
    path("transition-requests/<int:request_id>/overrides", api.OverridesView.as_view(), name="api-request-overrides"),
    path(
        "transition-requests/<int:request_id>/overrides/<int:override_id>/withdraw",
        api.TakeBackView.as_view(),
        name="api-override-withdraw",
    ),
    path("checks", checks_api.ChecksView.as_view(), name="api-checks"),
    path("check-runs", checks_api.CheckRunsView.as_view(), name="api-check-runs"),
    path("check-runs/<int:check_run_id>", checks_api.CheckRunView.as_view(), name="api-check-run"),
    path("check-runs/<int:check_run_id>/cancel", checks_api.CancelView.as_view(), name="api-check-cancel"),
    path("check-runs/<int:check_run_id>/rerun", checks_api.RerunView.as_view(), name="api-check-rerun"),
    path("check-runs/<int:check_run_id>/result", checks_api.ResultView.as_view(), name="api-check-result"),
    path("check-runs/<int:check_run_id>/files/<str:name>", checks_api.FileView.as_view(), name="api-check-file"),
    path("check-keys", checks_api.KeysView.as_view(), name="api-check-keys"),
    path("check-keys/<str:name>/revoke", checks_api.RevokeKeyView.as_view(), name="api-check-key-revoke"),
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
