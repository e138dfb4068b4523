"""Addresses of the audit log."""

from django.urls import path

from console.audit import views

urlpatterns = [
    path("audit/", views.audit_log, name="audit"),
    path("audit/export/<str:name>/", views.export_evidence, name="audit_export"),
]
