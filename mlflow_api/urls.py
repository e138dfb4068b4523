"""The MLflow protocol. Importing a handler module registers its RPCs."""

from importlib import import_module
from importlib.util import find_spec

from mlflow_api.dispatch import rpc_urls, rpc_views

HANDLERS = (
    "experiments",
    "runs",
    "logged_models",
    "metrics",
    "registered_models",
    "model_versions",
    "page_routes",
    "webhooks",
    "traces.infos",
    "traces.search",
    "traces.changes",
    "traces.assessments",
    "traces.old",
    "databricks_models",
    "databricks_requests",
    "databricks_comments",
    "databricks_permissions",
    "databricks_webhooks",
)
for _name in HANDLERS:
    if find_spec(f"mlflow_api.{_name}"):
        import_module(f"mlflow_api.{_name}")

# Also asked before Django's middleware, by whole paths: config/fast_path.py.
RPC_VIEWS = rpc_views()
urlpatterns = [*import_module("mlflow_api.unsupported").urlpatterns, *rpc_urls()]
if find_spec("mlflow_api.artifacts"):
    urlpatterns = [*import_module("mlflow_api.artifacts").urlpatterns, *urlpatterns]
urlpatterns = [*import_module("mlflow_api.direct").urlpatterns, *urlpatterns]
urlpatterns = [*import_module("mlflow_api.traces.otlp").urlpatterns, *urlpatterns]
urlpatterns = [*import_module("mlflow_api.page_routes").urlpatterns, *urlpatterns]
if find_spec("mlflow_api.server"):
    urlpatterns = [*import_module("mlflow_api.server").urlpatterns, *urlpatterns]
