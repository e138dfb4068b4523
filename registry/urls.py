"""/api/v1 of the registry."""

from django.urls import path

from registry.api import grants, production, risk, views

urlpatterns = [
    path("models", views.ModelsView.as_view(), name="api-models"),
    path("models/<str:name>", views.ModelView.as_view(), name="api-model"),
    path("models/<str:name>/production", production.ProductionView.as_view(), name="api-production"),
    path("models/<str:name>/production/versions", views.InProductionView.as_view(), name="api-in-production"),
    path("models/<str:name>/production/history", views.ProductionHistoryView.as_view(), name="api-production-history"),
    path("models/<str:name>/versions", views.VersionsView.as_view(), name="api-versions"),
    path("models/<str:name>/versions/<int:version>", views.VersionView.as_view(), name="api-version"),
    path("models/<str:name>/versions/<int:version>/reproduce", views.ReproduceView.as_view(), name="api-reproduce"),
    path("models/<str:name>/versions/<int:version>/reproduce.sh", views.ReproduceView.as_view(), {"form": "sh"}),
    path("models/<str:name>/versions/<int:version>/reproduce.zip", views.ReproduceView.as_view(), {"form": "zip"}),
    path("models/<str:name>/versions/<int:version>/provenance", views.ProvenanceView.as_view(), name="api-provenance"),
    path("models/<str:name>/risk", risk.RiskView.as_view(), name="api-risk"),
    path("models/<str:name>/permissions", grants.ModelGrantsView.as_view(), name="api-model-grants"),
    path("production", production.ProductionOfModelsView.as_view(), name="api-production-of-models"),
    path("production/events", production.ProductionEventsView.as_view(), name="api-production-events"),
    path("diff", views.DiffView.as_view(), name="api-diff"),
    path("cards/templates", risk.TemplatesView.as_view(), name="api-card-templates"),
    path("cards/schema", risk.CardSchemaView.as_view(), name="api-card-schema"),
    path("deployments/<int:deployment_id>/end", views.EndDeploymentView.as_view(), name="api-deployment-end"),
]
