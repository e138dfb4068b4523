"""/api/v1: one urls.py per app."""

from django.urls import include, path

from config.api_schema import SchemaView
from config.status.api import StatusView

urlpatterns = [
    path("schema", SchemaView.as_view(), name="api-schema"),
    path("status", StatusView.as_view(), name="api-status"),
    path("", include("registry.urls")),
    path("", include("approvals.urls")),
    path("", include("tracking.urls")),
    path("", include("notices.urls")),
    path("", include("lineage.urls")),
    path("", include("accounts.urls")),
    path("", include("audit.urls")),
]
