"""Registered models: the list, and one model with its versions."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from console.oversight.presenters import watch_model
from console.registry.presenters.version_metrics import metrics_of_versions
from console.registry.queries import model_rows, version_rows
from console.shell.pages import model_crumbs, page, paginate, render_page
from core.actors import Actor
from registry.models import ModelVersion
from registry.queries import aliases_of, get_model, incumbent_of
from registry.risk import tiers_of


@page
def model_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the models this person may see."""
    text = request.GET.get("q", "").strip()
    rows = paginate(request, model_rows(actor, text))
    return render_page(request, "console/registry/models.html", "Models", rows=rows, text=text)


@page
def model_detail(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Show one model: what is in Production, and every version."""
    model = get_model(actor, name)
    current = incumbent_of(model)
    rows = paginate(request, version_rows(model))
    return render_page(
        request,
        "console/registry/model.html",
        model.name,
        crumbs=model_crumbs(),
        model=model,
        current=current,
        watch=watch_model(actor, model, has_current=current is not None),
        rows=rows,
        metrics=metrics_of_versions([row for row in rows if isinstance(row, ModelVersion)]),
        aliases=aliases_of(model),
        tags=model.tags.order_by("key"),
        tier=tiers_of([model.pk]).get(model.pk, ""),
    )
