"""Print every route of the installed MLflow client's protobuf services, as `METHOD path`."""

from mlflow.protos import databricks_pb2, mlflow_artifacts_pb2, model_registry_pb2, service_pb2, webhooks_pb2

SERVICES = (
    service_pb2.MlflowService,
    model_registry_pb2.ModelRegistryService,
    mlflow_artifacts_pb2.MlflowArtifactsService,
    webhooks_pb2.WebhookService,
)
for service in SERVICES:
    for method in service.DESCRIPTOR.methods:
        for endpoint in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
            print(endpoint.method, f"/api/{endpoint.since.major}.0/{endpoint.path.lstrip('/')}")
