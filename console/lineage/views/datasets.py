"""Dataset versions: what there is, who used each (its impact), and quarantine."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from console.lineage.forms import ReasonForm
from console.lineage.presenters import KINDS
from console.lineage.queries import dataset_quarantine, dataset_rows, dataset_uses
from console.shell.dialogs import ask, posted
from console.shell.links import place_of
from console.shell.pages import Crumb, page, paginate, render_page
from core.actors import Actor
from core.errors import NotFound
from lineage.models import Node, NodeKind
from lineage.quarantine import place_quarantine, release_quarantine
from lineage.queries import find_node


@page
def dataset_list(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """List dataset versions."""
    text = request.GET.get("q", "").strip()
    rows = paginate(request, dataset_rows(text))
    return render_page(request, "console/lineage/datasets.html", "Datasets", rows=rows, text=text)


@page
def dataset_detail(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show one dataset version: the runs that read it, what came of them, and whether it is quarantined."""
    node = _node(request)
    return render_page(
        request,
        "console/lineage/dataset.html",
        _title(node),
        crumbs=_crumbs(),
        node=node,
        uses=dataset_uses(actor, node),
        state=dataset_quarantine(actor, node),
        look=KINDS[NodeKind.DATASET_VERSION],
    )


@page
def quarantine(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask why a dataset version is to be quarantined."""
    node = _node(request)

    def act(form: ReasonForm) -> str:
        place_quarantine(actor=actor, urn=node.urn, reason=form.cleaned_data["reason"])
        messages.success(request, f"{_title(node)} is quarantined. Nothing that descends from it is promoted.")
        return place_of(node.urn)

    return ask(
        request,
        actor,
        ReasonForm(posted(request)),
        act,
        title=f"Quarantine {_title(node)}",
        description="Every version that descends from it fails the check lineage.not_quarantined until it is released.",
        submit="Quarantine",
        tone="is-bad",
        crumbs=[*_crumbs(), Crumb(_title(node), place_of(node.urn))],
    )


@page
def release(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask why a dataset version may be used again."""
    node = _node(request)

    def act(form: ReasonForm) -> str:
        release_quarantine(actor=actor, urn=node.urn, reason=form.cleaned_data["reason"])
        messages.success(request, f"{_title(node)} is released.")
        return place_of(node.urn)

    return ask(
        request,
        actor,
        ReasonForm(posted(request)),
        act,
        title=f"Release {_title(node)}",
        description="What descends from it may be promoted again. Both reasons are kept.",
        submit="Release",
        crumbs=[*_crumbs(), Crumb(_title(node), place_of(node.urn))],
    )


def _node(request: HttpRequest) -> Node:
    node = find_node(request.GET.get("node", ""))
    if node.kind != NodeKind.DATASET_VERSION:
        raise NotFound(f"The lineage graph does not know {node.urn[:200]!r}.")  # as of what is not there
    return node


def _title(node: Node) -> str:
    return f"{node.name} {node.version}"


def _crumbs() -> list[Crumb]:
    return [Crumb("Datasets", reverse("console:datasets"))]
