"""Addresses of transition requests."""

from django.urls import path

from console.requests.views import decisions, discussion, passkeys, requests

urlpatterns = [
    path("requests/<int:request_id>/live/", requests.request_live, name="request_live"),
    path("requests/<int:request_id>/approve/", decisions.approve, name="request_approve"),
    path("requests/<int:request_id>/request-changes/", decisions.request_changes, name="request_changes"),
    path("requests/<int:request_id>/reject/", decisions.reject, name="request_reject"),
    path("requests/<int:request_id>/reason/", decisions.reason, name="request_reason"),
    path("requests/<int:request_id>/withdraw/", decisions.withdraw, name="request_withdraw"),
    path("requests/<int:request_id>/override/", decisions.override, name="override"),
    path("requests/<int:request_id>/override/withdraw/", decisions.override_withdraw, name="override_withdraw"),
    path("requests/<int:request_id>/passkey-options/<str:decision>/", passkeys.passkey_options, name="passkey_options"),
    path("requests/<int:request_id>/comments/", discussion.comment, name="comment"),
    path("requests/<int:request_id>/comments/<int:comment_id>/edit/", discussion.comment_edit, name="comment_edit"),
    path(
        "requests/<int:request_id>/comments/<int:comment_id>/delete/", discussion.comment_delete, name="comment_delete"
    ),
]
