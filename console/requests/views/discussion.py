"""Comments on a version: adding, answering, editing and deleting them. Each is a POST."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from approvals.requests.comments import MAX_COMMENT, add_comment, delete_comment, edit_comment
from console.requests.forms import CommentForm
from console.requests.queries import find_request
from console.shell.links import request_url
from console.shell.pages import page
from core.actors import Actor
from core.errors import InvalidInput


@page
@require_POST
def comment(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """Comment on the version of a request, or answer a comment."""
    row = find_request(actor, request_id)
    form = CommentForm(request.POST)
    if not form.is_valid():
        raise InvalidInput(f"A comment has 1 to {MAX_COMMENT:,} characters.")
    cleaned = form.cleaned_data
    version = row.version
    add_comment(
        actor=actor,
        name=version.model.name,
        version=version.version,
        text=cleaned["text"],
        reply_to=cleaned["reply_to"],
    )
    return _back(request_id)


@page
@require_POST
def comment_edit(request: HttpRequest, actor: Actor, request_id: int, comment_id: int) -> HttpResponse:
    """Replace the text of one's own comment."""
    find_request(actor, request_id)
    edit_comment(actor=actor, comment_id=comment_id, text=request.POST.get("text", ""))
    return _back(request_id)


@page
@require_POST
def comment_delete(request: HttpRequest, actor: Actor, request_id: int, comment_id: int) -> HttpResponse:
    """Delete a comment. Its text stays in the audit log."""
    find_request(actor, request_id)
    delete_comment(actor=actor, comment_id=comment_id)
    messages.success(request, "The comment is deleted. Its text stays in the audit log.")
    return _back(request_id)


def _back(request_id: int) -> HttpResponse:
    return redirect(f"{request_url(request_id)}#discussion")
