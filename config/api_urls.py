"""/api/v1: one urls.py per app."""

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView

from config import api_schema  # noqa: F401 - registers the authentication schemes

urlpatterns = [
    path("schema", SpectacularJSONAPIView.as_view(), name="api-schema"),
    path("", include("registry.urls")),
    path("", include("approvals.urls")),
    path("", include("lineage.urls")),
    path("", include("audit.urls")),
]
