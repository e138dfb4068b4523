"""Addresses of a person's own account: tokens, passkeys, approval sessions, delegations, notifications, sign-in,
and trusted publishers of one's service accounts.
"""

from django.urls import path

from console.account.views import (
    approval_sessions,
    delegations,
    notifications,
    passkeys,
    second_factor,
    sessions,
    sign_in,
    tokens,
    trusted_publishers,
)

urlpatterns = [
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/read/", notifications.notifications_read, name="notifications_read"),
    path("notifications/<int:notice_id>/open/", notifications.notification_open, name="notification_open"),
    path("account/notifications/", notifications.notification_settings, name="notification_settings"),
    path("account/notifications/chat/", notifications.chat_address, name="chat_address"),
    path("account/notifications/test/<str:channel>/", notifications.notification_test, name="notification_test"),
    path("account/delegations/", delegations.delegations, name="delegations"),
    path("account/delegations/<int:delegation_id>/revoke/", delegations.delegation_revoke, name="delegation_revoke"),
    path("account/tokens/", tokens.tokens, name="tokens"),
    path("account/tokens/<int:token_id>/revoke/", tokens.revoke, name="token_revoke"),
    path("account/passkeys/", passkeys.passkeys, name="passkeys"),
    path("account/passkeys/add/", passkeys.add, name="passkey_add"),
    path("account/passkeys/<int:passkey_id>/remove/", passkeys.remove, name="passkey_remove"),
    path("account/trusted-publishers/<int:publisher_id>/delete/", trusted_publishers.delete, name="publisher_delete"),
    path("account/service/<str:username>/publishers/", trusted_publishers.publishers, name="publishers"),
    path("account/approval-session/", approval_sessions.approval_session, name="approval_session"),
    path("account/approval-session/end/", approval_sessions.end_session, name="approval_session_end"),
    path("account/sessions/", sessions.sessions, name="sessions"),
    path("account/sessions/<int:session_id>/end/", sessions.end, name="session_end"),
    path("account/sessions/end/", sessions.end_all, name="sessions_end"),
    path("account/second-factor/", second_factor.second_factor, name="second_factor"),
    path("account/second-factor/add/", second_factor.add, name="second_factor_add"),
    path("account/second-factor/remove/<str:username>/", second_factor.remove_of_other, name="second_factor_remove"),
    path("account/identities/", sign_in.identities, name="identities"),
    path("account/identities/<str:provider_id>/unlink/", sign_in.unlink, name="identity_unlink"),
    path("account/confirm-identity/", sign_in.confirm_identity, name="confirm_identity"),
    path("sign-in-passkey/", sign_in.passkey_sign_in, name="passkey_sign_in"),
    path("sign-in/<str:provider_id>/", sign_in.provider_sign_in, name="provider_sign_in"),
    path("sign-in/<str:provider_id>/callback/", sign_in.provider_callback, name="provider_callback"),
    path("sign-in-links/<str:secret>/", sign_in.sign_in_link, name="sign_in_link"),
]
