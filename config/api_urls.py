"""/api/v1: one urls.py per app."""

from django.urls import include, path

from config.api_schema import SchemaView

urlpatterns = [
    path("schema", SchemaView.as_view(), name="api-schema"),
    path("", include("registry.urls")),
    path("", include("approvals.urls")),
    path("", include("tracking.urls")),
    path("", include("notices.urls")),
    path("", include("lineage.urls")),
    path("", include("accounts.urls")),
    path("", include("audit.urls")),
]
