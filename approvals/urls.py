"""URLs of /api/v1 for requests, checks, policies, cards, findings, deployments, inventory and impact."""

from django.urls import path

from approvals.api import (
    cards,
    checks,
    deployments,
    impact,
    inventory,
    moving,
    oversight,
    passkeys,
    policies,
    questions,
    requests,
    statements,
)
from policies.models import PolicyDecision

_VERSION = "models/<str:name>/versions/<int:version>"

urlpatterns = [
    path(f"{_VERSION}/card", cards.CardView.as_view(), name="api-card"),
    path(f"{_VERSION}/card/import", cards.CardImportView.as_view(), name="api-card-import"),
    path(f"{_VERSION}/card/diff", cards.CardDiffView.as_view(), name="api-card-diff"),
    path(f"{_VERSION}/packs", cards.PacksView.as_view(), name="api-packs"),
    path(f"{_VERSION}/packs/<int:number>", cards.PackView.as_view(), name="api-pack"),
    path(f"{_VERSION}/packs/<int:number>/page", cards.PackPageView.as_view(), name="api-pack-page"),
    path(f"{_VERSION}/packs/<int:number>/dossier", cards.DossierView.as_view(), name="api-dossier"),
    path(f"{_VERSION}/approval-statements", statements.StatementsView.as_view(), name="api-approval-statements"),
    path("audit/questions/approvals", questions.ApprovalsQuestionView.as_view(), name="api-question-approvals"),
    path("audit/questions/approvers", questions.ApproversQuestionView.as_view(), name="api-question-approvers"),
    path("audit/questions/exceptions", questions.ExceptionsQuestionView.as_view(), name="api-question-exceptions"),
    path("audit/questions/production", questions.ProductionQuestionView.as_view(), name="api-question-production"),
    path("transition-requests", requests.RequestsView.as_view(), name="api-requests"),
    path("transition-requests/<int:request_id>", requests.RequestView.as_view(), name="api-request"),
    path("transition-requests/<int:request_id>/withdraw", requests.WithdrawView.as_view(), name="api-request-withdraw"),
    path("transition-requests/<int:request_id>/reason", requests.ReasonView.as_view(), name="api-request-reason"),
    path("transition-requests/<int:request_id>/reviews", requests.ReviewsView.as_view(), name="api-request-reviews"),
    path(
        "transition-requests/<int:request_id>/passkey-options",
        passkeys.PasskeyOptionsView.as_view(),
        name="api-passkey-options",
    ),
    path(
        "transition-requests/<int:request_id>/overrides", requests.OverridesView.as_view(), name="api-request-overrides"
    ),
    path(
        "transition-requests/<int:request_id>/overrides/<int:override_id>/withdraw",
        requests.WithdrawOverrideView.as_view(),
        name="api-override-withdraw",
    ),
    path("checks", checks.ChecksView.as_view(), name="api-checks"),
    path("check-runs", checks.CheckRunsView.as_view(), name="api-check-runs"),
    path("check-runs/<int:check_run_id>", checks.CheckRunView.as_view(), name="api-check-run"),
    path("check-runs/<int:check_run_id>/cancel", checks.CancelView.as_view(), name="api-check-cancel"),
    path("check-runs/<int:check_run_id>/rerun", checks.RerunView.as_view(), name="api-check-rerun"),
    path("check-runs/<int:check_run_id>/result", checks.ResultView.as_view(), name="api-check-result"),
    path("check-runs/<int:check_run_id>/files/<str:name>", checks.FileView.as_view(), name="api-check-file"),
    path("check-keys", checks.KeysView.as_view(), name="api-check-keys"),
    path("check-keys/<str:name>/revoke", checks.RevokeKeyView.as_view(), name="api-check-key-revoke"),
    path("policies", requests.PoliciesView.as_view(), name="api-policies"),
    path("policies/schema", policies.PolicySchemaView.as_view(), name="api-policy-schema"),
    path("policies/dry-run", policies.DryRunView.as_view(), name="api-policy-dry-run"),
    path("policies/replay", policies.ReplayView.as_view(), name="api-policy-replay"),
    path("policies/proposals", policies.ProposalsView.as_view(), name="api-proposals"),
    path("policies/proposals/<int:proposal_id>", policies.ProposalView.as_view(), name="api-proposal"),
    path("policies/proposals/<int:proposal_id>/withdraw", policies.ProposalWithdrawView.as_view()),
    *(
        path(
            f"policies/proposals/<int:proposal_id>/{decision.value}",
            policies.ProposalDecisionView.as_view(decision=decision),
        )
        for decision in PolicyDecision
    ),
    path("policies/<str:name>", policies.PolicyView.as_view(), name="api-policy"),
    path("models/<str:name>/aliases/<str:alias>", moving.AliasView.as_view(), name="api-alias"),
    path("models/<str:name>/rollback", moving.RollBackView.as_view(), name="api-rollback"),
    path(f"{_VERSION}/break-glass", moving.BreakGlassView.as_view(), name="api-break-glass"),
    path(
        f"{_VERSION}/break-glass/passkey-options",
        passkeys.BreakGlassOptionsView.as_view(),
        name="api-break-glass-options",
    ),
    path(f"{_VERSION}/re-reviews", oversight.ReReviewsView.as_view(), name="api-re-reviews"),
    path("deployments", deployments.DeploymentsView.as_view(), name="api-deployments"),
    path("deployments/<int:deployment_id>", deployments.DeploymentView.as_view(), name="api-deployment"),
    path(
        "deployments/<int:deployment_id>/attestations",
        deployments.AttestationsView.as_view(),
        name="api-deployment-attestations",
    ),
    path("inventory", inventory.InventoryView.as_view(), name="api-inventory"),
    path("inventory/export", inventory.InventoryExportView.as_view(), name="api-inventory-export"),
    path("models/<str:name>/inventory", inventory.ModelInventoryView.as_view(), name="api-model-inventory"),
    path("models/<str:name>/attestations", inventory.ModelAttestationsView.as_view(), name="api-model-attestations"),
    path("models/<str:name>/retirement", inventory.RetirementView.as_view(), name="api-retirement"),
    path(
        "models/<str:name>/retirement/decision",
        inventory.RetirementDecisionView.as_view(),
        name="api-retirement-decision",
    ),
    path(
        "models/<str:name>/retirement/withdraw",
        inventory.RetirementWithdrawalView.as_view(),
        name="api-retirement-withdraw",
    ),
    path(
        "models/<str:name>/retirement/evidence",
        inventory.RetirementEvidenceView.as_view(),
        name="api-retirement-evidence",
    ),
    path("datasets/<path:name>/impact", impact.DatasetImpactView.as_view(), name="api-dataset-impact"),
    path("datasets/<path:name>/impact.csv", impact.DatasetImpactView.as_view(), {"form": "csv"}),
    path("lineage/<path:urn>/impact", impact.ImpactView.as_view(), name="api-impact"),
    path("lineage/<path:urn>/impact.csv", impact.ImpactView.as_view(), {"form": "csv"}),
    path(f"{_VERSION}/completeness", impact.CompletenessView.as_view(), name="api-completeness"),
    path("findings", oversight.FindingsView.as_view(), name="api-findings"),
    path("findings/<int:finding_id>", oversight.FindingView.as_view(), name="api-finding"),
    path("findings/<int:finding_id>/close", oversight.CloseFindingView.as_view(), name="api-finding-close"),
    path("findings/<int:finding_id>/assign", oversight.AssignFindingView.as_view(), name="api-finding-assign"),
    path("post-reviews", oversight.PostReviewsView.as_view(), name="api-post-reviews"),
    path(
        "post-reviews/<int:post_review_id>/complete",
        oversight.CompletePostReviewView.as_view(),
        name="api-post-review-complete",
    ),
]
