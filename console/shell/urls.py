"""Addresses of the home page and the records."""

from django.urls import path
from django.views.generic import RedirectView

from console.shell import views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("records/", views.record_list, name="records"),
]
