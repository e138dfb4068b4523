"""Addresses of findings, rollbacks, emergencies and re-reviews."""

from django.urls import path

from console.oversight.views import emergencies, findings
from console.shell.links import VERSION_PATH

urlpatterns = [
    path("models/<str:name>/rollback/", emergencies.ask_roll_back, name="roll_back"),
    path("models/<str:name>/findings/new/", findings.new_finding, name="new_finding"),
    path(f"{VERSION_PATH}break-glass/", emergencies.ask_break_glass, name="break_glass"),
    path(f"{VERSION_PATH}re-review/", emergencies.confirm, name="re_review"),
    path(f"{VERSION_PATH}findings/new/", findings.new_finding, name="new_version_finding"),
    path("findings/", findings.finding_list, name="findings"),
    path("findings/<int:finding_id>/", findings.finding_detail, name="finding"),
    path("findings/<int:finding_id>/close/", findings.close, name="finding_close"),
    path("findings/<int:finding_id>/assign/", findings.assign, name="finding_assign"),
    path("emergencies/", emergencies.emergencies, name="emergencies"),
    path("emergencies/<int:post_review_id>/review/", emergencies.complete, name="post_review"),
]
