"""The pages people use. `/` is the inbox, which the admin index shows."""

from django.urls import path
from django.views.generic import RedirectView

from console.views import (
    account,
    approval_session,
    audit,
    cards,
    datasets,
    drafts,
    endpoints,
    lineage,
    models,
    policies,
    proposals,
    records,
    requests,
    runs,
    versions,
)

app_name = "console"
_VERSION = "models/<str:name>/versions/<int:number>/"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("models/", models.model_list, name="models"),
    path("models/<str:name>/", models.model_detail, name="model"),
    path(_VERSION, versions.version_detail, name="version"),
    path(f"{_VERSION}transition/<str:stage>/", versions.ask_transition, name="transition"),
    path(f"{_VERSION}card/", cards.card_detail, name="card"),
    path(f"{_VERSION}card/edit/", cards.card_edit, name="card_edit"),
    path(f"{_VERSION}card/revisions/<int:revision>/", cards.card_revision, name="card_revision"),
    path("requests/<int:request_id>/live/", requests.request_live, name="request_live"),
    path("runs/", runs.run_list, name="runs"),
    path("runs/curves/", runs.curves, name="curves"),
    path("runs/<str:run_id>/", runs.run_detail, name="run"),
    path("runs/<str:run_id>/files/<path:path>", runs.download, name="run_file"),
    path("experiments/", runs.experiment_list, name="experiments"),
    path("datasets/", datasets.dataset_list, name="datasets"),
    path("datasets/version/", datasets.dataset_detail, name="dataset"),
    path("endpoints/", endpoints.endpoint_list, name="endpoints"),
    path("lineage/", lineage.lineage_page, name="lineage"),
    path("policies/", policies.policy_list, name="policies"),
    path("policies/new/", drafts.draft, name="policy_new"),
    path("policies/preview/", drafts.draft_preview, name="policy_preview"),
    path("policies/dry-run/", drafts.draft_dry_run, name="policy_dry_run"),
    path("policies/replay/", drafts.draft_replay, name="policy_replay"),
    path("policies/<int:policy_id>/", policies.policy_detail, name="policy"),
    path("policies/<int:policy_id>/edit/", drafts.draft, name="policy_edit"),
    path("policies/<int:policy_id>/export/", policies.policy_export, name="policy_export"),
    path("policies/<int:policy_id>/retire/", policies.policy_retire, name="policy_retire"),
    path("policies/proposals/<int:proposal_id>/", proposals.proposal_detail, name="proposal"),
    path("policies/proposals/<int:proposal_id>/withdraw/", proposals.proposal_withdraw, name="proposal_withdraw"),
    path(
        "policies/proposals/<int:proposal_id>/approve/",
        proposals.proposal_decide,
        {"decision": "approve"},
        name="proposal_approve",
    ),
    path(
        "policies/proposals/<int:proposal_id>/reject/",
        proposals.proposal_decide,
        {"decision": "reject"},
        name="proposal_reject",
    ),
    path("audit/", audit.audit_log, name="audit"),
    path("audit/export/<str:name>/", audit.export_evidence, name="audit_export"),
    path("account/tokens/", account.tokens, name="tokens"),
    path("account/tokens/<int:token_id>/revoke/", account.revoke, name="token_revoke"),
    path("account/approval-session/", approval_session.approval_session, name="approval_session"),
    path("account/approval-session/end/", approval_session.end_session, name="approval_session_end"),
    path("records/", records.record_list, name="records"),
]
