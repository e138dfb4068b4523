"""Addresses of runs and experiments."""

from django.urls import path

from console.runs import views

urlpatterns = [
    path("runs/", views.run_list, name="runs"),
    path("runs/compare/", views.run_compare, name="run_compare"),
    path("runs/curves/", views.curves, name="curves"),
    path("runs/<str:run_id>/", views.run_detail, name="run"),
    path("runs/<str:run_id>/files/<path:path>", views.download, name="run_file"),
    path("experiments/", views.experiment_list, name="experiments"),
]
