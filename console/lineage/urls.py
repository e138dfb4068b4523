"""Addresses of lineage, datasets and endpoints."""

from django.urls import path

from console.lineage.views import datasets, diff, endpoints, graph, impact, suggestions

urlpatterns = [
    path("datasets/", datasets.dataset_list, name="datasets"),
    path("datasets/version/", datasets.dataset_detail, name="dataset"),
    path("datasets/version/quarantine/", datasets.quarantine, name="quarantine"),
    path("datasets/version/release/", datasets.release, name="quarantine_release"),
    path("datasets/separate/", datasets.separate, name="separate_names"),
    path("diff/", diff.diff_page, name="diff"),
    path("endpoints/", endpoints.endpoint_list, name="endpoints"),
    path("lineage/suggestions/confirm/", suggestions.confirm, name="suggestion_confirm"),
    path("lineage/suggestions/reject/", suggestions.reject, name="suggestion_reject"),
    path("lineage/impact/", impact.impact_page, name="impact"),
    path("lineage/", graph.lineage_page, name="lineage"),
]
