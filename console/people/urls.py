"""Addresses of people and groups. Names may contain slashes and any other character."""

from django.urls import path

from console.people import access_review_views, erasures, invitations, leavers, memberships, views

urlpatterns = [
    path("people/", views.people, name="people"),
    path("people/<path:username>/", views.person, name="person"),
    path("leavers/<str:username>/", leavers.leaver, name="leaver"),
    path("erasures/<str:username>/", erasures.erasure, name="erasure"),
    path("access-review/", access_review_views.access_review, name="access_review"),
    path("invitations/", invitations.invitations, name="invitations"),
    path("invitations/<int:invitation_id>/withdraw/", invitations.withdraw, name="invitation_withdraw"),
    path("groups/", views.groups, name="groups"),
    path("groups/<path:name>/", views.group, name="group"),
    path("memberships/<path:name>/add/", memberships.add, name="membership_add"),
    path("memberships/<path:name>/expiry/", memberships.expiry, name="membership_expiry"),
    path("memberships/<path:name>/remove/", memberships.remove, name="membership_remove"),
    path("group-owners/<path:name>/add/", memberships.owner_add, name="group_owner_add"),
    path("group-owners/<path:name>/remove/", memberships.owner_remove, name="group_owner_remove"),
]
