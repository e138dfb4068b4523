"""Dataset versions: what there is, and who used each (its impact)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from audit.actors import Actor
from audit.errors import NotFound
from console.graph import KINDS
from console.pages import Crumb, page, paginate, render_page
from console.queries import dataset_rows, dataset_uses
from lineage.models import NodeKind
from lineage.queries import find_node


@page
def dataset_list(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """List dataset versions."""
    text = request.GET.get("q", "").strip()
    rows = paginate(request, dataset_rows(text))
    return render_page(request, "console/datasets.html", "Datasets", rows=rows, text=text)


@page
def dataset_detail(request: HttpRequest, actor: Actor, *, kind: NodeKind = NodeKind.DATASET_VERSION) -> HttpResponse:
    """Show one dataset version: the runs that read it, and what came of them."""
    node = find_node(request.GET.get("node", ""))
    if node.kind != kind:
        raise NotFound(f"The lineage graph does not know {node.urn[:200]!r}.")  # as of what is not there
    uses = dataset_uses(actor, node)
    crumbs = [Crumb("Datasets", "/datasets/")]
    title = f"{node.name} {node.version}"
    return render_page(request, "console/dataset.html", title, crumbs=crumbs, node=node, uses=uses, look=KINDS[kind])
