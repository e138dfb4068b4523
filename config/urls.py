"""All URLs: the MLflow protocol, the REST API, and the pages."""

from django.contrib import admin
from django.urls import include, path

from config.health import healthz

urlpatterns = [
    path("healthz", healthz),
    path("", include("mlflow_api.urls")),
    path("api/v1/", include("config.api_urls")),
    path("admin/", admin.site.urls),
    path("", include("console.urls")),
]
