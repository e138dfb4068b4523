"""Addresses of the home page, the records and the drafts of forms."""

from django.urls import path
from django.views.generic import RedirectView

from console.shell import views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("records/", views.record_list, name="records"),
    path("drafts/", views.form_draft, name="form_draft"),
    path("drafts/discard/", views.form_draft_discard, name="form_draft_discard"),
]
