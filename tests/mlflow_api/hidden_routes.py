"""The routes that name a model or anything of one, and those that do not. A new route has to be put on one side or the other."""

from __future__ import annotations

from typing import Any

from policies.defaults import DEFAULT_POLICIES

MODEL = "/api/v1/models/{name}"
VERSION = MODEL + "/versions/1"
CARD = {"fields": {"limits": "x"}, "expected_number": 1}
ASK = {"model": "{name}", "version": 1, "target": "Production"}
DEPLOY = {"endpoint": "/mine", "model": "{name}", "version": 1}
DECIDE = {"decision": "approve", "comment": "c", "seen_digest": "0" * 64}
OVERRIDE = {"rule": "card", "reason": "r", "seen_digest": "0" * 64}
ENVELOPE = {"payload": "e30=", "payloadType": "x", "signatures": [{"keyid": "k", "sig": "e30="}]}
DRY_RUN = {"policy": DEFAULT_POLICIES[1], "model": "{name}", "version": 1}
EDGE = {"source": "model-version:{name}/1", "target": "endpoint:/score", "relation": "DEPLOYED", "reason": "r"}
# (route name, method, path, body); {…} are filled with what is hidden and with what never was.
ROUTES: list[tuple[str, str, str, dict[str, Any] | None]] = [
    ("api-model", "GET", MODEL, None),
    ("api-production", "GET", MODEL + "/production", None),
    ("api-versions", "GET", MODEL + "/versions", None),
    ("api-version", "GET", MODEL + "/versions/1", None),
    ("api-card", "GET", MODEL + "/versions/1/card", None),
    ("api-card", "PUT", MODEL + "/versions/1/card", CARD),
    ("api-deployments", "GET", "/api/v1/deployments?endpoint={name}", None),
    ("api-deployments", "POST", "/api/v1/deployments", DEPLOY),
    ("api-deployment", "GET", "/api/v1/deployments/{deployment}", None),
    ("api-deployment-end", "POST", "/api/v1/deployments/{deployment}/end", {}),
    ("api-requests", "GET", "/api/v1/transition-requests?model={name}", None),
    ("api-requests", "POST", "/api/v1/transition-requests", ASK),
    ("api-request", "GET", "/api/v1/transition-requests/{request}", None),
    ("api-request-withdraw", "POST", "/api/v1/transition-requests/{request}/withdraw", {}),
    ("api-request-reviews", "GET", "/api/v1/transition-requests/{request}/reviews", None),
    ("api-request-reviews", "POST", "/api/v1/transition-requests/{request}/reviews", DECIDE),
    ("api-in-production", "GET", MODEL + "/production/versions", None),
    ("api-risk", "GET", MODEL + "/risk", None),
    ("api-risk", "POST", MODEL + "/risk", {"answers": {}, "expected_number": 0}),
    ("api-card-import", "POST", VERSION + "/card/import", {"format": "hf", "content": "x", "expected_number": 1}),
    ("api-card-diff", "GET", VERSION + "/card/diff?from_revision=1", None),
    ("api-packs", "GET", VERSION + "/packs", None),
    ("api-pack", "GET", VERSION + "/packs/1", None),
    ("api-request-overrides", "GET", "/api/v1/transition-requests/{request}/overrides", None),
    ("api-request-overrides", "POST", "/api/v1/transition-requests/{request}/overrides", OVERRIDE),
    ("api-override-withdraw", "POST", "/api/v1/transition-requests/{request}/overrides/1/withdraw", {"reason": "r"}),
    ("api-check-runs", "GET", "/api/v1/check-runs?model={name}", None),
    ("api-check-runs", "GET", "/api/v1/check-runs?request={request}", None),
    ("api-check-run", "GET", "/api/v1/check-runs/{check}", None),
    ("api-check-cancel", "POST", "/api/v1/check-runs/{check}/cancel", {}),
    ("api-check-rerun", "POST", "/api/v1/check-runs/{check}/rerun", {}),
    ("api-check-result", "POST", "/api/v1/check-runs/{check}/result", ENVELOPE),
    ("api-check-file", "GET", "/api/v1/check-runs/{check}/files/report.json", None),
    ("api-policy-dry-run", "POST", "/api/v1/policies/dry-run", DRY_RUN),
    ("api-alias", "GET", MODEL + "/aliases/champion", None),
    ("api-alias", "PUT", MODEL + "/aliases/champion", {"version": 1}),
    ("api-alias", "DELETE", MODEL + "/aliases/champion", {}),
    ("api-rollback", "POST", MODEL + "/rollback", {"reason": "r"}),
    ("api-break-glass", "POST", VERSION + "/break-glass", {"reason": "r"}),
    ("api-re-reviews", "GET", VERSION + "/re-reviews", None),
    ("api-re-reviews", "POST", VERSION + "/re-reviews", {"comment": "c"}),
    ("api-findings", "GET", "/api/v1/findings?model={name}", None),
    ("api-findings", "POST", "/api/v1/findings", {"model": "{name}", "severity": "low", "title": "t"}),
    ("api-finding", "GET", "/api/v1/findings/{finding}", None),
    ("api-finding-close", "POST", "/api/v1/findings/{finding}/close", {"state": "resolved", "comment": "c"}),
    ("api-finding-assign", "POST", "/api/v1/findings/{finding}/assign", {}),
    ("roll_back", "GET", "/models/{name}/rollback/", None),
    ("roll_back", "POST", "/models/{name}/rollback/", {"reason": "r"}),
    ("new_finding", "POST", "/models/{name}/findings/new/", {"severity": "low", "title": "t"}),
    ("remove_alias", "POST", "/models/{name}/aliases/champion/delete/", {}),
    ("set_alias", "POST", "/models/{name}/versions/1/alias/", {"alias": "champion"}),
    ("break_glass", "POST", "/models/{name}/versions/1/break-glass/", {"reason": "r"}),
    ("re_review", "POST", "/models/{name}/versions/1/re-review/", {"comment": "c"}),
    ("new_version_finding", "POST", "/models/{name}/versions/1/findings/new/", {"severity": "low", "title": "t"}),
    ("model_risk", "GET", "/models/{name}/risk/", None),
    ("card_diff", "GET", "/models/{name}/versions/1/card/diff/?from_revision=1", None),
    ("card_import", "GET", "/models/{name}/versions/1/card/import/", None),
    ("card_export", "GET", "/models/{name}/versions/1/card/export/hf/", None),
    ("pack", "GET", "/models/{name}/versions/1/packs/1/", None),
    ("comment", "POST", "/requests/{request}/comments/", {"text": "t"}),
    ("comment_edit", "POST", "/requests/{request}/comments/{comment}/edit/", {"text": "t"}),
    ("comment_delete", "POST", "/requests/{request}/comments/{comment}/delete/", {}),
    ("check_run", "GET", "/checks/runs/{check}/", None),
    ("check_run_live", "GET", "/checks/runs/{check}/live/", None),
    ("check_cancel", "POST", "/checks/runs/{check}/cancel/", {}),
    ("check_again", "POST", "/checks/runs/{check}/again/", {}),
    ("check_file", "GET", "/checks/runs/{check}/files/report.json", None),
    ("finding", "GET", "/findings/{finding}/", None),
    ("finding_close", "POST", "/findings/{finding}/close/", {"state": "resolved", "comment": "c"}),
    ("finding_assign", "POST", "/findings/{finding}/assign/", {}),
    ("lineage-nodes", "GET", "/api/v1/lineage/nodes?q={name}", None),
    ("lineage-walk", "GET", "/api/v1/lineage/model-version:{name}/1/ancestors", None),
    ("lineage-walk", "GET", "/api/v1/lineage/model:{name}/descendants", None),
    ("lineage-edges", "POST", "/api/v1/lineage/edges", EDGE),
    ("lineage-retract", "POST", "/api/v1/lineage/edges/{edge}/retract", {"reason": "r"}),
    ("audit-events", "GET", "/api/v1/audit/events?model={name}", None),
    ("audit-export", "GET", "/api/v1/audit/export?model={name}", None),
    ("model", "GET", "/models/{name}/", None),
    ("access", "GET", "/models/{name}/access/", None),
    ("access_grant", "POST", "/models/{name}/access/grant/", {"kind": "user", "name": "cy", "level": 5}),
    ("access_revoke", "POST", "/models/{name}/access/revoke/", {"kind": "user", "name": "ada"}),
    ("version", "GET", "/models/{name}/versions/1/", None),
    ("transition", "GET", "/models/{name}/versions/1/transition/Production/", None),
    ("transition", "POST", "/models/{name}/versions/1/transition/Production/", {"comment": "c"}),
    ("card", "GET", "/models/{name}/versions/1/card/", None),
    ("card_edit", "GET", "/models/{name}/versions/1/card/edit/", None),
    ("card_edit", "POST", "/models/{name}/versions/1/card/edit/", {"number": 1}),
    ("card_revision", "GET", "/models/{name}/versions/1/card/revisions/1/", None),
    ("request_live", "GET", "/requests/{request}/live/", None),
    ("approvals_transitionrequest_change", "GET", "/admin/approvals/transitionrequest/{request}/change/", None),
    ("request_approve", "GET", "/requests/{request}/approve/", None),
    ("request_reject", "POST", "/requests/{request}/reject/", DECIDE),
    ("request_withdraw", "POST", "/requests/{request}/withdraw/", {}),
    ("request_changes", "POST", "/requests/{request}/request-changes/", DECIDE),
    ("override", "POST", "/requests/{request}/override/", {"rule": "no-regression", "comment": "c"}),
    ("override_withdraw", "POST", "/requests/{request}/override/withdraw/", {"override": "1", "comment": "c"}),
    ("lineage", "GET", "/lineage/?node=model-version:{name}/1", None),
    ("lineage", "GET", "/lineage/?node=endpoint:/score&picked=model-version:{name}/1", None),
    ("lineage", "GET", "/lineage/?q={name}", None),
    ("dataset", "GET", "/datasets/version/?node=model:{name}", None),
    ("audit", "GET", "/audit/?model={name}", None),
    ("audit_export", "POST", "/audit/export/{name}/", {}),
]
FILTERS = {"api-deployments", "api-requests", "api-check-runs", "api-findings", "lineage-nodes", "lineage"}
# What these are sent cannot be right whatever the model, and is refused before anybody looks for it.
UNREADABLE = {("api-risk", "POST"), ("api-check-result", "POST")}
# Routes of the same doors that name no model and nothing of one; those that list are looked at below.
OTHERS = {
    "api-models", "api-policies", "api-schema", "home", "models", "runs", "curves", "run_compare", "run", "run_file",
    "traces", "trace", "span", "experiments", "datasets", "findings", "emergencies", "api-post-reviews", "checks", "api-checks",
    "api-card-templates", "api-card-schema", "api-policy", "api-policy-schema", "api-policy-replay", "policy_replay",
    "policy_new", "policy_preview", "policy_dry_run", "policy_edit", "policy_export", "policy_retire",
    "api-proposals", "api-proposal", "proposal", "proposal_withdraw", "proposal_approve", "proposal_reject",
    "api-check-keys", "api-check-key-revoke", "check_key_add", "check_key_revoke",
    "notifications", "notifications_read", "notification_open", "notification_settings", "chat_address",
    "notification_test",
    "delegations", "delegation_revoke",
    # They name datasets, which everybody may see; a post-review is looked up among those one may see, as a finding is.
    "quarantine", "quarantine_release", "lineage-quarantines", "lineage-release",
    "api-post-review-complete", "post_review",
    "webhooks", "webhook_new", "webhook", "webhook_edit", "webhook_test", "webhook_secret", "webhook_delete", "delivery_send_again",
    "endpoints", "policies", "policy", "tokens", "token_revoke", "approval_session", "approval_session_end", "records",
}  # fmt: skip
