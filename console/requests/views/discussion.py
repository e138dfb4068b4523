"""Saying something about a version, answering, mending one's words, taking them back. Each is a POST."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from approvals.requests.comments import MAX_COMMENT, add_comment, delete_comment, edit_comment
from console.requests.forms import CommentForm
from console.requests.presenters.requests import find_request
from console.shell.pages import page
from core.actors import Actor
from core.errors import InvalidInput


@page
@require_POST
def comment(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """Say something about the version of a request, or answer a comment."""
    row = find_request(actor, request_id)
    form = CommentForm(request.POST)
    if not form.is_valid():
        raise InvalidInput(f"A comment has between one and {MAX_COMMENT:,} characters.")
    said = form.cleaned_data
    version = row.version
    add_comment(
        actor=actor, name=version.model.name, version=version.version, text=said["text"], reply_to=said["reply_to"]
    )
    return _back(request_id)


@page
@require_POST
def comment_edit(request: HttpRequest, actor: Actor, request_id: int, comment_id: int) -> HttpResponse:
    """Replace the words of one's own comment."""
    find_request(actor, request_id)
    edit_comment(actor=actor, comment_id=comment_id, text=request.POST.get("text", ""))
    return _back(request_id)


@page
@require_POST
def comment_delete(request: HttpRequest, actor: Actor, request_id: int, comment_id: int) -> HttpResponse:
    """Take a comment back; its words stay in the audit log."""
    find_request(actor, request_id)
    delete_comment(actor=actor, comment_id=comment_id)
    messages.success(request, "The comment is deleted. What it said is kept on the record.")
    return _back(request_id)


def _back(request_id: int) -> HttpResponse:
    url = reverse("admin:approvals_transitionrequest_change", args=[request_id])
    return redirect(f"{url}#discussion")
