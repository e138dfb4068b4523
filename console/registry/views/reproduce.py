"""The page for training a version again: known and missing parts, the script and the bundle."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from console.shell.lookups import find_version
from console.shell.pages import model_crumbs, page, render_page
from core.actors import Actor
from registry.reproduction import LEVELS, reproduction_of
from registry.reproduction_bundle import script_of

_LEVEL_CSS = ("is-bad", "is-bad", "is-bad", "is-wait", "is-wait", "is-ok")


@page
def reproduce_page(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Show which of the parts that are needed to train the version again are known."""
    version = find_version(actor, name, number)
    training = reproduction_of(version)
    steps = [
        (part, training.missing.get(part, ""), level <= training.level)
        for level, part in enumerate(LEVELS[1:], start=1)
    ]
    return render_page(
        request,
        "console/registry/reproduce.html",
        f"Reproduce {name} v{number}",
        crumbs=model_crumbs(name, number),
        version=version,
        training=training,
        level_css=_LEVEL_CSS[training.level],
        steps=steps,
        script=script_of(training),
        api=reverse("api-reproduce", args=[name, number]),
    )
