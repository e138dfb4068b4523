"""Addresses of checks."""

from django.urls import path

from console.checks import views

urlpatterns = [
    path("checks/", views.check_list, name="checks"),
    path("checks/keys/add/", views.add_key, name="check_key_add"),
    path("checks/keys/<str:name>/revoke/", views.revoke_key, name="check_key_revoke"),
    path("checks/runs/<int:check_run_id>/", views.check_run_detail, name="check_run"),
    path("checks/runs/<int:check_run_id>/live/", views.check_run_live, name="check_run_live"),
    path("checks/runs/<int:check_run_id>/cancel/", views.cancel, name="check_cancel"),
    path("checks/runs/<int:check_run_id>/again/", views.run_again, name="check_again"),
    path("checks/runs/<int:check_run_id>/files/<str:name>", views.download, name="check_file"),
]
