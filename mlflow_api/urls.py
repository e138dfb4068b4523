"""The MLflow protocol. Importing a handler module registers its RPCs."""

from importlib import import_module

from mlflow_api import artifacts, direct_transfers, server_info, ui_routes, unsupported
from mlflow_api.dispatch import rpc_urls, rpc_views
from mlflow_api.traces import otlp

HANDLERS = (
    "experiments",
    "runs",
    "logged_models",
    "metrics",
    "registered_models",
    "model_versions",
    "ui_routes",
    "webhooks",
    "traces.infos",
    "traces.search",
    "traces.changes",
    "traces.assessments",
    "traces.old",
    "auth.users",
    "auth.grants",
    "auth.user_permissions",
    "databricks.models",
    "databricks.requests",
    "databricks.comments",
    "databricks.permissions",
    "databricks.experiment_permissions",
    "databricks.webhooks",
)
for _name in HANDLERS:
    import_module(f"mlflow_api.{_name}")

# Also asked before Django's middleware, by whole paths: config/fast_path.py.
RPC_VIEWS = rpc_views()
# The fixed paths of single modules come before the RPCs, whose last pattern answers every other path with a 404.
urlpatterns = [
    *server_info.urlpatterns,
    *ui_routes.urlpatterns,
    *otlp.urlpatterns,
    *direct_transfers.urlpatterns,
    *artifacts.urlpatterns,
    *unsupported.urlpatterns,
    *rpc_urls(),
]
