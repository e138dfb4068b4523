"""Read-only admin page of messages."""

from __future__ import annotations

from django.contrib import admin

from audit.admin import ReadOnlyAdmin
from notices.models import Message


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """Messages by e-mail and chat, read-only."""

    list_display = ["notice", "channel", "state", "attempts", "error", "next_attempt_at", "finished_at"]
    list_filter = ["channel", "state"]
    list_select_related = ["notice"]
    ordering = ["-id"]
