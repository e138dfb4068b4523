"""/api/v1 of governance."""

from django.urls import path

from approvals import api, card_api, checks_api

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
]
