"""/api/v1 of the registry."""

from django.urls import path

from registry import api, risk_api

urlpatterns = [
    path("models", api.ModelsView.as_view(), name="api-models"),
    path("models/<str:name>", api.ModelView.as_view(), name="api-model"),
    path("models/<str:name>/production", api.ProductionView.as_view(), name="api-production"),
    path("models/<str:name>/production/versions", api.InProductionView.as_view(), name="api-in-production"),
    path("models/<str:name>/versions", api.VersionsView.as_view(), name="api-versions"),
    path("models/<str:name>/versions/<int:version>", api.VersionView.as_view(), name="api-version"),
    path("models/<str:name>/risk", risk_api.RiskView.as_view(), name="api-risk"),
    path("cards/templates", risk_api.TemplatesView.as_view(), name="api-card-templates"),
    path("cards/schema", risk_api.CardSchemaView.as_view(), name="api-card-schema"),
    path("deployments", api.DeploymentsView.as_view(), name="api-deployments"),
    path("deployments/<int:deployment_id>", api.DeploymentView.as_view(), name="api-deployment"),
    path("deployments/<int:deployment_id>/end", api.EndDeploymentView.as_view(), name="api-deployment-end"),
]
