from django.urls import path

from audit.api import EventsView, ExportFileView, ExportJobView, ExportsView, ExportView

urlpatterns = [
    path("audit/events", EventsView.as_view(), name="audit-events"),
    path("audit/exports", ExportsView.as_view(), name="audit-exports"),
    path("audit/exports/<uuid:export_id>", ExportJobView.as_view(), name="audit-export-job"),
    path("audit/exports/<uuid:export_id>/file", ExportFileView.as_view(), name="audit-export-file"),
    path("audit/export", ExportView.as_view(), name="audit-export"),
]
