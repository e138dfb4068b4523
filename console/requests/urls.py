"""Addresses of transition requests."""

from django.urls import path

from console.requests.views import discussion, requests

urlpatterns = [
    path("requests/<int:request_id>/live/", requests.request_live, name="request_live"),
    path("requests/<int:request_id>/comments/", discussion.comment, name="comment"),
    path("requests/<int:request_id>/comments/<int:comment_id>/edit/", discussion.comment_edit, name="comment_edit"),
    path(
        "requests/<int:request_id>/comments/<int:comment_id>/delete/", discussion.comment_delete, name="comment_delete"
    ),
]
