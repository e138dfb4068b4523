"""/api/v1 of tracking."""

from django.urls import path

from tracking.grants_api import ExperimentGrantsView, PatternGrantsView

urlpatterns = [
    path("experiments/permissions", PatternGrantsView.as_view(), name="api-experiment-patterns"),
    path("experiments/<str:experiment_id>/permissions", ExperimentGrantsView.as_view(), name="api-experiment-grants"),
]
