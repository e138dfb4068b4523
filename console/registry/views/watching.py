"""The button that watches a model, or stops watching it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from console.shell.pages import page
from core.actors import Actor
from notices.services.watching import stop_watching, watch_model


@page
@require_POST
def watch(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Watch a model, or with ``stop`` in the form stop watching it. Go back to its page."""
    if "stop" in request.POST:
        stop_watching(actor=actor, name=name)
        messages.success(request, f"You no longer watch {name}.")
    else:
        watch_model(actor=actor, name=name)
        messages.success(request, f"You watch {name}: you are notified of every move.")
    return redirect("console:model", name)
