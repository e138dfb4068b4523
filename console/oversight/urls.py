"""Addresses of findings, rollbacks, break-glass moves and re-reviews."""

from django.urls import path

from console.oversight.views import break_glass, findings, re_reviews, rollbacks
from console.shell.links import VERSION_PATH

urlpatterns = [
    path("models/<str:name>/rollback/", rollbacks.ask_roll_back, name="roll_back"),
    path("models/<str:name>/findings/new/", findings.new_finding, name="new_finding"),
    path(f"{VERSION_PATH}break-glass/", break_glass.ask_break_glass, name="break_glass"),
    path(f"{VERSION_PATH}break-glass/passkey-options/", break_glass.break_glass_options, name="break_glass_options"),
    path(f"{VERSION_PATH}re-review/", re_reviews.confirm, name="re_review"),
    path(f"{VERSION_PATH}findings/new/", findings.new_finding, name="new_version_finding"),
    path("findings/", findings.finding_list, name="findings"),
    path("findings/<int:finding_id>/", findings.finding_detail, name="finding"),
    path("findings/<int:finding_id>/close/", findings.close, name="finding_close"),
    path("findings/<int:finding_id>/assign/", findings.assign, name="finding_assign"),
    path("emergencies/", break_glass.emergencies, name="emergencies"),
    path("emergencies/<int:post_review_id>/review/", break_glass.review_break_glass, name="post_review"),
]
