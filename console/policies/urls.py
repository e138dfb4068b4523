"""Addresses of policies and proposals to change them."""

from django.urls import path

from console.policies.views import drafts, policies, proposals

urlpatterns = [
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
]
