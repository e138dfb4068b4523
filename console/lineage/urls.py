"""Addresses of lineage, datasets and endpoints."""

from django.urls import path

from console.lineage.views import datasets, endpoints, graph

urlpatterns = [
    path("datasets/", datasets.dataset_list, name="datasets"),
    path("datasets/version/", datasets.dataset_detail, name="dataset"),
    path("datasets/version/quarantine/", datasets.quarantine, name="quarantine"),
    path("datasets/version/release/", datasets.release, name="quarantine_release"),
    path("endpoints/", endpoints.endpoint_list, name="endpoints"),
    path("lineage/", graph.lineage_page, name="lineage"),
]
