"""The impact of a node: every model version with its stage, owners, deployments and approvals; also as CSV."""

from __future__ import annotations

from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from approvals.oversight.impact import impact_of
from console.lineage.kinds import KINDS
from console.shell.links import page_url, ref_label
from console.shell.pages import Crumb, page, paginate, render_page
from core.actors import Actor
from lineage.models import NodeKind
from lineage.queries import find_visible


@page
def impact_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the model versions that descend from a node, with the number of all of them. Raises NotFound."""
    node = find_visible(actor, request.GET.get("node", ""))
    impact = impact_of(actor, [node])
    rows = paginate(request, impact.version_keys)
    first = rows.start_index() - 1
    return render_page(
        request,
        "console/lineage/impact.html",
        f"Impact of {ref_label(node.urn)}",
        crumbs=[Crumb("Lineage", reverse("console:lineage")), Crumb(ref_label(node.urn), page_url(node.urn))],
        node=node,
        kind=KINDS[NodeKind(node.kind)],
        impact=impact,
        rows=rows,
        affected=impact.part(actor, impact.version_keys[max(first, 0) : rows.end_index()]),
        csv_url=f"/api/v1/lineage/{quote(node.urn, safe=':')}/impact.csv",
        json_url=f"/api/v1/lineage/{quote(node.urn, safe=':')}/impact",
    )
