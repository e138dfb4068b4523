"""The pages people use. `/` is the inbox, which the admin index shows."""

from django.urls import path
from django.views.generic import RedirectView

from console.views import (
    account,
    aliases,
    approval_session,
    audit,
    cards,
    datasets,
    endpoints,
    findings,
    lineage,
    models,
    oversight,
    policies,
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
    path("models/<str:name>/rollback/", oversight.ask_roll_back, name="roll_back"),
    path("models/<str:name>/findings/new/", findings.new_finding, name="new_finding"),
    path("models/<str:name>/aliases/<str:alias>/delete/", aliases.take_alias, name="take_alias"),
    path(f"{_VERSION}alias/", aliases.set_alias, name="set_alias"),
    path(f"{_VERSION}break-glass/", oversight.ask_break_glass, name="break_glass"),
    path(f"{_VERSION}re-review/", oversight.confirm, name="re_review"),
    path(f"{_VERSION}findings/new/", findings.new_finding, name="new_version_finding"),
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
    path("findings/", findings.finding_list, name="findings"),
    path("findings/<int:finding_id>/", findings.finding_detail, name="finding"),
    path("findings/<int:finding_id>/close/", findings.close, name="finding_close"),
    path("findings/<int:finding_id>/assign/", findings.assign, name="finding_assign"),
    path("emergencies/", oversight.emergencies, name="emergencies"),
    path("emergencies/<int:post_review_id>/review/", oversight.complete, name="post_review"),
    path("policies/", policies.policy_list, name="policies"),
    path("policies/<int:policy_id>/", policies.policy_detail, name="policy"),
    path("audit/", audit.audit_log, name="audit"),
    path("audit/export/<str:name>/", audit.export_evidence, name="audit_export"),
    path("account/tokens/", account.tokens, name="tokens"),
    path("account/tokens/<int:token_id>/revoke/", account.revoke, name="token_revoke"),
    path("account/approval-session/", approval_session.approval_session, name="approval_session"),
    path("account/approval-session/end/", approval_session.end_session, name="approval_session_end"),
    path("records/", records.record_list, name="records"),
]
