"""The differences between two model versions, runs or endpoints: their inputs and their metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from console.shell.links import page_url, ref_label
from console.shell.pages import Crumb, page, render_page
from core.actors import Actor
from registry.lineage_diff import diff_of

_AXES = {
    "data": "Data",
    "code": "Code",
    "params": "Params",
    "environment": "Environment",
    "base_model": "Base model",
}
_VERDICTS = {
    "regressed": ("is-bad", "B is worse"),
    "improved": ("is-ok", "B is better"),
    "mixed": ("is-wait", "B is better in some metrics and worse in others"),
    "changed": ("is-wait", "The metrics changed. Their names do not say which is better"),
    "unchanged": ("", "The metrics are the same"),
    "not comparable": ("is-wait", "The metrics cannot be compared"),
}
_TONES = {"worse": "is-bad", "better": "is-ok"}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """One difference; ``a`` and ``b`` are the values, "" where one side has none."""

    name: str
    a: str
    b: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class AxisView:
    """The changes of one axis, and how many values of it are the same."""

    title: str
    rows: list[ChangedRow]
    unchanged: int


@page
def diff_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the differences between two nodes; without two, show a form to choose them."""
    a, b = (request.GET.get(name, "").strip() for name in ("a", "b"))
    crumbs = [Crumb("Lineage", reverse("console:lineage"))]
    context: Json = {"a": a, "b": b}
    if a and b:
        difference = diff_of(actor, a, b)
        css, verdict = _VERDICTS[difference["verdict"]]
        differing = [
            metric
            | {
                "change": f"{metric['delta']:+.6g}" if "delta" in metric else "",
                "tone": _TONES.get(metric.get("direction", ""), ""),
            }
            for metric in difference["metrics"]
            if metric.get("direction") != "same"
        ]
        context |= {
            "difference": difference,
            "css": css,
            "verdict": verdict,
            "metrics": differing,
            "same_metrics": len(difference["metrics"]) - len(differing),
            "axes": _axes(difference["changes"]),
            "sides": [(name, ref_label(difference[name]), page_url(difference[name])) for name in ("a", "b")],
            "divergence": [
                (ref_label(row["node"]), page_url(row["node"]), row["hops"]) for row in _first_divergence(difference)
            ],
        }
    return render_page(request, "console/lineage/diff.html", "Difference", crumbs=crumbs, **context)


def _first_divergence(difference: Json) -> list[Json]:
    rows: list[Json] = difference["lineage"]["first_divergence"]
    return rows


def _axes(changes: list[Json]) -> list[AxisView]:
    by_axis: dict[str, AxisView] = {}
    for change in changes:
        view = by_axis.setdefault(change["axis"], AxisView(_AXES[change["axis"]], [], change.get("unchanged", 0)))
        view.rows.extend(_rows(change))
    return list(by_axis.values())


def _rows(change: Json) -> list[ChangedRow]:
    if change["axis"] in ("params", "environment"):
        parts = [*change["changed"], *change["added"], *change["removed"]]
        return [ChangedRow(part["key"], str(part.get("a", "")), str(part.get("b", ""))) for part in parts]
    steps = change.get("hops")
    note = f"{steps} step{'' if steps == 1 else 's'} up" if steps else ""
    name = change.get("node") or {"code": "commit"}.get(change["axis"], "read")
    return [ChangedRow(name, ", ".join(change["a"]), ", ".join(change["b"]), note)]
