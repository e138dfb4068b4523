"""All URLs: the MLflow protocol, the REST API, and the pages."""

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import URLResolver, include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

from accounts.scim.door import scim
from config.health import healthz
from config.metrics.view import metrics
from config.paths import MlflowPaths
from config.status.page import status_page

admin.autodiscover()

# Its script is a file of its own, as the content security policy wants it.
_API_PAGES = SpectacularSwaggerSplitView.as_view(
    url_name="api-schema", title="Custody", template_name="console/api.html"
)

urlpatterns = [
    path("healthz", healthz),
    path("metrics", metrics),
    URLResolver(MlflowPaths(), "mlflow_api.urls"),
    path("api/v1/", include("config.api_urls")),
    path("scim/v2", scim),
    path("scim/v2/", include("accounts.scim.urls")),
    path("api-docs/", login_required(_API_PAGES), name="api-docs"),
    path("", include("audit.log_urls")),
    path("status/", status_page, name="status"),
    path("admin/", admin.site.urls),
    path("", include("console.urls")),
]

handler400 = "config.error_responses.bad_request"
handler403 = "config.error_responses.permission_denied"
handler404 = "config.error_responses.page_not_found"
handler500 = "config.error_responses.server_error"
