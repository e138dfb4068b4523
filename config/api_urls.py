"""/api/v1: one urls.py per app."""

from django.urls import include, path

urlpatterns = [
    path("", include("registry.urls")),
    path("", include("approvals.urls")),
    path("", include("lineage.urls")),
    path("", include("audit.urls")),
]
