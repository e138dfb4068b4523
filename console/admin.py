"""Admin registrations of the console: the list of transition requests links to the pages of the console."""

from django.contrib import admin

from approvals.models import TransitionRequest
from console.requests.admin import TransitionRequestAdmin

admin.site.register(TransitionRequest, TransitionRequestAdmin)
