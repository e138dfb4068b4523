"""The page of the status, for superusers: problems first, then every part of the installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from config.status.areas import Area
from config.status.read import read_status
from console.shell.facts import Fact, fact
from console.shell.formatting import ago, size, span
from console.shell.pages import page, render_page
from core.actors import Actor
from core.errors import NotFound

_TITLES = {
    "database": "Database",
    "programs": "Programs",
    "audit_log": "Audit log",
    "work": "Waiting work",
    "schedule": "Periodic tasks",
    "storage": "Storage and backups",
    "versions": "Versions",
}
# Ends of the names of facts, which are no part of a title.
_UNITS = ("_bytes", "_seconds", "_at")


@dataclass(frozen=True, slots=True)
class AreaPanel:
    """An area as a panel of the page."""

    area: Area
    title: str
    facts: list[Fact]


@page
@require_safe
def status_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the status of the installation. Raises NotFound for all but superusers."""
    if not actor.is_superuser:
        raise NotFound("There is no page at this address.")
    status = read_status(actor)
    panels = [AreaPanel(area, _TITLES[area.name], _facts(area)) for area in status.areas]
    problems = [(_TITLES[area.name], problem) for area, problem in status.problems]
    return render_page(request, "console/status/status.html", "Status", at=status.at, problems=problems, panels=panels)


def _facts(area: Area) -> list[Fact]:
    return [fact(title_of(name), readable(name, value)) for name, value in area.facts.items() if value is not None]


def title_of(name: str) -> str:
    """Return the name of a fact without its unit: ``disk_free_bytes`` is ``disk free``."""
    for unit in _UNITS:
        name = name.removesuffix(unit)
    return name.replace("_", " ")


def readable(name: str, value: Any) -> Any:
    """Return a fact for people: bytes, seconds and times as text, and so inside lists and mappings."""
    if isinstance(value, dict):
        return {title_of(key): readable(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [readable(name, item) for item in value]
    return value if value is None or isinstance(value, bool) else _as_text(name, value)


def _as_text(name: str, value: Any) -> Any:
    if name.endswith("_bytes"):
        return size(int(value))
    if name.endswith("_seconds"):
        return f"{value * 1000:.1f} ms" if 0 < value < 1 else span(float(value))
    moment = parse_datetime(str(value)) if name.endswith("_at") else None
    return ago(moment, timezone.now()) if moment else value
