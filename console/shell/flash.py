"""Messages on the page after a form, about the outcome of a request to move a version."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest

from approvals.models import RequestState, TransitionRequest
from console.shell.links import request_url

REQUEST_OPENED = "Your request is open. The checks run now, and the reviewers see it in their inbox."


def flash_outcome(request: HttpRequest, transition_request: TransitionRequest, moved_message: str) -> str:
    """Show the outcome of a request, and return the address of its page.

    ``moved_message`` is shown where the version has moved.
    """
    if transition_request.state == RequestState.APPLIED:
        messages.success(request, moved_message)
    else:
        messages.info(request, "The request is open. Its page says what it waits for.")
    return request_url(transition_request.pk)
