"""Dataset versions: the list, one with its impact, and the dialogs of its quarantine."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from console.lineage.dataset_facts import (
    dataset_about,
    described_files,
    quarantine_findings,
    same_contents,
    unnamed_use,
)
from console.lineage.forms import ReasonForm, SeparationForm
from console.lineage.kinds import KINDS
from console.lineage.queries import (
    counted_datasets,
    dataset_quarantine,
    dataset_rows,
    dataset_uses,
    dataset_versions,
)
from console.lineage.suggestions import other_names
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.links import page_url
from console.shell.pages import Crumb, page, paginate, render_page
from core.actors import Actor
from core.errors import NotFound
from lineage.dataset_names import separate_names, visible_statements
from lineage.models import Node, NodeKind
from lineage.quarantine import may_quarantine, place_quarantine, release_quarantine
from lineage.queries import find_node
from lineage.visibility import require_visible


@page
def dataset_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List dataset versions."""
    text = request.GET.get("q", "").strip()
    rows = paginate(request, dataset_rows(actor, text))
    rows.object_list = counted_datasets(actor, [row for row in rows if isinstance(row, Node)])
    return render_page(request, "console/lineage/datasets.html", "Datasets", rows=rows, text=text)


@page
def dataset_detail(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show one dataset version: the runs that read it, its descendants, and its quarantine."""
    node = _dataset_version(request, actor)
    state = dataset_quarantine(actor, node)
    return render_page(
        request,
        "console/lineage/dataset.html",
        _title(node),
        crumbs=_list_crumbs(),
        node=node,
        uses=dataset_uses(actor, node),
        state=state,
        findings=quarantine_findings(actor, state.history),
        same=same_contents(actor, node),
        kind=KINDS[NodeKind.DATASET_VERSION],
        dataset=dataset_versions(actor, node),
        about=dataset_about(actor, node),
        described=described_files(node),
        unnamed=unnamed_use(node),
        statements=visible_statements(actor, node.container) if node.container else [],
        may_separate=may_quarantine(actor, people_only=True),
    )


@page
def quarantine(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Quarantine a dataset version in a dialog."""
    node = _dataset_version(request, actor)
    form = ReasonForm(submitted(request))

    def act() -> str:
        place_quarantine(actor=actor, urn=node.urn, reason=form.cleaned_data["reason"])
        messages.success(request, f"{_title(node)} is quarantined. No version that descends from it can be promoted.")
        return page_url(node.urn)

    dialog = Dialog(
        title=f"Quarantine {_title(node)}",
        description=_quarantine_consequence(actor, node),
        submit="Quarantine dataset version",
        tone="is-bad",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(node))


@page
def release(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Release a dataset version from quarantine in a dialog."""
    node = _dataset_version(request, actor)
    form = ReasonForm(submitted(request))

    def act() -> str:
        release_quarantine(actor=actor, urn=node.urn, reason=form.cleaned_data["reason"])
        messages.success(request, f"{_title(node)} is released.")
        return page_url(node.urn)

    dialog = Dialog(
        title=f"Release {_title(node)}",
        description="Versions that descend from it can be promoted again. Both reasons stay on record.",
        submit="Release dataset version",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(node))


@page
def separate(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Separate two names of a dataset in a dialog."""
    dataset, other = (_dataset(request, actor, parameter) for parameter in ("dataset", "other"))
    form = SeparationForm(submitted(request))
    back = page_url(request.GET.get("node", "")) or reverse("console:datasets")

    def act() -> str:
        reason = form.cleaned_data["reason"]
        separate_names(actor=actor, dataset_urn=dataset.urn, other_urn=other.urn, reason=reason)
        messages.success(request, f"{dataset.name} and {other.name} are two datasets.")
        return back

    dialog = Dialog(
        title="Separate two names",
        description=f"{dataset.name} and {other.name} will count as two datasets. Their versions are no longer joined, "
        "so a quarantine of one does not hold for the other. Later events do not join the names again.",
        submit="Separate names",
        tone="is-bad",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_list_crumbs())


def _dataset(request: HttpRequest, actor: Actor, parameter: str) -> Node:
    """Return the dataset that a parameter of the query string names. Raises NotFound, also for a hidden one."""
    urn = request.GET.get(parameter, "")
    missing = NotFound(f"There is no dataset {urn[:200]!r}.")
    try:
        node = find_node(urn)
        require_visible(actor, node)
    except NotFound as error:
        raise missing from error
    if node.kind != NodeKind.DATASET:
        raise missing
    return node


def _quarantine_consequence(actor: Actor, node: Node) -> str:
    """Return the consequence of a quarantine, with the versions in use that descend from the data."""
    text = "Every version that descends from it fails the check lineage.not_quarantined until it is released."
    live = ", ".join(str(version) for version in dataset_quarantine(actor, node).live)
    if live:
        text += f" In use now: {live}. They stay in use, and a finding is opened on each."
    others = ", ".join(other_names(actor, node))
    if others:
        text += f" The quarantine does not cover {others}, which may have the same bytes: see the suggested edges."
    return text


def _dataset_version(request: HttpRequest, actor: Actor) -> Node:
    """Return the dataset version that the query string names.

    Raises NotFound, with the same message for a node of another kind and for a hidden one, so that it does not reveal
    whether a hidden model exists.
    """
    urn = request.GET.get("node", "")
    missing = NotFound(f"There is no dataset version {urn[:200]!r}.")
    try:
        node = find_node(urn)
        require_visible(actor, node)
    except NotFound as error:
        raise missing from error
    if node.kind != NodeKind.DATASET_VERSION:
        raise missing
    return node


def _title(node: Node) -> str:
    return f"{node.name} {node.version}"


def _list_crumbs() -> list[Crumb]:
    return [Crumb("Datasets", reverse("console:datasets"))]


def _crumbs(node: Node) -> list[Crumb]:
    return [*_list_crumbs(), Crumb(_title(node), page_url(node.urn))]
