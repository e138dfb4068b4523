"""The search page, and the quick results that the search dialog of every page shows while a person types."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.search.queries import hit_count, search_everything
from console.shell.pages import page, render_page
from core.actors import Actor

_ON_PAGE, _IN_LIST = 25, 5


@page
@require_safe
def search(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the results for the text ``q``, by kind."""
    text = request.GET.get("q", "").strip()
    groups = search_everything(actor, text, limit=_ON_PAGE)
    count = hit_count(groups)
    return render_page(request, "console/search/search.html", "Search", text=text, groups=groups, count=count)


@page
@require_safe
def quick_search(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Return the first results of each kind for the text ``q``, as a fragment."""
    text = request.GET.get("q", "").strip()
    groups = search_everything(actor, text, limit=_IN_LIST)
    return render(request, "console/search/_quick.html", {"text": text, "groups": groups, "count": hit_count(groups)})
