"""The list of registered models, and the page of one with its versions."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from console.inventory.presenters import model_inventory
from console.oversight.presenters import model_attention
from console.policies.presenters.stage_graph import stage_graph_of
from console.registry.presenters.version_metrics import metrics_of_versions
from console.registry.presenters.versions import diff_from_approved
from console.registry.queries import last_current_at, model_rows, version_rows
from console.shell.lookups import find_model
from console.shell.pages import model_crumbs, page, paginate, render_page
from core.actors import Actor
from core.refs import version_ref
from lineage.quarantine import visible_taint
from notices.queries import watch_of, watcher_names
from registry.models import ModelVersion, RegisteredModel
from registry.production.history import production_periods
from registry.queries import aliases_of, incumbent_of, tainted_versions
from registry.risk import tiers_of

_PERIODS = 50


@page
def model_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the models this person may see."""
    text = request.GET.get("q", "").strip()
    rows = paginate(request, model_rows(actor, text))
    listed = [row.pk for row in rows if isinstance(row, RegisteredModel)]
    current = ModelVersion.objects.filter(model__in=listed, is_current=True).select_related("model")
    tainted = tainted_versions(current)
    tainted_models = {row.model_id for row in current if row.pk in tainted}
    return render_page(request, "console/registry/models.html", "Models", rows=rows, text=text, tainted=tainted_models)


@page
def model_detail(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Show one model: its version in Production, and all its versions."""
    model = find_model(actor, name)
    current = incumbent_of(model)
    rows = paginate(request, version_rows(model))
    return render_page(
        request,
        "console/registry/model.html",
        model.name,
        crumbs=model_crumbs(),
        model=model,
        current=current,
        last_current_at=None if current else last_current_at(model),
        attention=model_attention(actor, model, current),
        watching=watch_of(actor, model),
        watchers=watcher_names(model),
        rows=rows,
        metrics=metrics_of_versions([row for row in rows if isinstance(row, ModelVersion)]),
        aliases=aliases_of(model),
        graph=stage_graph_of(model),
        inventory=model_inventory(actor, model),
        taint=visible_taint(actor, version_ref(model.name, current.version)) if current else None,
        tags=model.tags.order_by("key"),
        tier=tiers_of([model.pk]).get(model.pk, ""),
        periods=production_periods(model)[::-1][:_PERIODS],
        diff_url=_diff_url(model, current),
    )


def _diff_url(model: RegisteredModel, current: ModelVersion | None) -> str:
    """Return the address of the differences between the last approved version and another version.

    The other version is the one in Production, or the newest where nothing is in Production. Returns "" where a
    version is missing.
    """
    version = current or ModelVersion.objects.filter(model=model).select_related("model").order_by("-version").first()
    return diff_from_approved(version) if version else ""
