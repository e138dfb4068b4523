"""The pages people use. `/` is the inbox, which the admin index shows."""

from django.urls import path
from django.views.generic import RedirectView

from console.views import (
    account,
    approval_session,
    audit,
    cards,
    datasets,
    delegations,
    discussion,
    endpoints,
    lineage,
    models,
    notifications,
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
    path(_VERSION, versions.version_detail, name="version"),
    path(f"{_VERSION}transition/<str:stage>/", versions.ask_transition, name="transition"),
    path(f"{_VERSION}card/", cards.card_detail, name="card"),
    path(f"{_VERSION}card/edit/", cards.card_edit, name="card_edit"),
    path(f"{_VERSION}card/revisions/<int:revision>/", cards.card_revision, name="card_revision"),
    path("requests/<int:request_id>/live/", requests.request_live, name="request_live"),
    path("requests/<int:request_id>/comments/", discussion.comment, name="comment"),
    path("requests/<int:request_id>/comments/<int:comment_id>/edit/", discussion.comment_edit, name="comment_edit"),
    path(
        "requests/<int:request_id>/comments/<int:comment_id>/delete/", discussion.comment_delete, name="comment_delete"
    ),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/read/", notifications.notifications_read, name="notifications_read"),
    path("notifications/<int:notice_id>/open/", notifications.notification_open, name="notification_open"),
    path("account/notifications/", notifications.notification_settings, name="notification_settings"),
    path("account/notifications/chat/", notifications.chat_address, name="chat_address"),
    path("account/delegations/", delegations.delegations, name="delegations"),
    path("account/delegations/<int:delegation_id>/revoke/", delegations.delegation_revoke, name="delegation_revoke"),
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
    path("policies/<int:policy_id>/", policies.policy_detail, name="policy"),
    path("audit/", audit.audit_log, name="audit"),
    path("audit/export/<str:name>/", audit.export_evidence, name="audit_export"),
    path("account/tokens/", account.tokens, name="tokens"),
    path("account/tokens/<int:token_id>/revoke/", account.revoke, name="token_revoke"),
    path("account/approval-session/", approval_session.approval_session, name="approval_session"),
    path("account/approval-session/end/", approval_session.end_session, name="approval_session_end"),
    path("records/", records.record_list, name="records"),
]
