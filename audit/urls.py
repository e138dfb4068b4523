from django.urls import path

from audit.api import EventsView, ExportView

urlpatterns = [
    path("audit/events", EventsView.as_view(), name="audit-events"),
    path("audit/export", ExportView.as_view(), name="audit-export"),
]
