"""Addresses of runs and experiments."""

from django.urls import path

from console.runs.views import access, runs

urlpatterns = [
    path("runs/", runs.run_list, name="runs"),
    path("runs/compare/", runs.run_compare, name="run_compare"),
    path("runs/curves/", runs.curves, name="curves"),
    path("runs/<str:run_id>/", runs.run_detail, name="run"),
    path("runs/<str:run_id>/files/<path:path>", runs.download, name="run_file"),
    path("experiments/", runs.experiment_list, name="experiments"),
    path("experiments/access/", access.experiment_patterns, name="experiment_patterns"),
    path("experiments/access/grant/", access.grant_pattern, name="experiment_pattern_grant"),
    path("experiments/access/revoke/", access.revoke_pattern, name="experiment_pattern_revoke"),
    path("experiments/<int:experiment_id>/access/", access.experiment_access, name="experiment_access"),
    path(
        "experiments/<int:experiment_id>/access/grant/",
        access.grant_experiment_access,
        name="experiment_access_grant",
    ),
    path(
        "experiments/<int:experiment_id>/access/revoke/",
        access.revoke_experiment_access,
        name="experiment_access_revoke",
    ),
]
