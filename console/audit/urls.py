"""Addresses of the audit log."""

from django.urls import path

from console.audit import exports, questions, views

urlpatterns = [
    path("audit/", views.audit_log, name="audit"),
    path("audit/events/<uuid:event_id>/", views.event, name="audit_event"),
    path("audit/events/<uuid:event_id>/proof", views.event_proof, name="audit_event_proof"),
    path("audit/export/", exports.export_selection, name="audit_export_selection"),
    path("audit/exports/<uuid:export_id>/", exports.export_detail, name="audit_export_job"),
    path("audit/exports/<uuid:export_id>/live/", exports.export_live, name="audit_export_live"),
    path("audit/exports/<uuid:export_id>/file/", exports.export_file, name="audit_export_file"),
    path("audit/questions/", questions.questions, name="audit_questions"),
    path("audit/questions/<str:code>/", questions.question, name="audit_question"),
    path("audit/questions/<str:code>/export/", questions.question_export, name="audit_question_export"),
]
