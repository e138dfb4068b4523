"""The page of the access review, and its exports as CSV and JSON, for superusers and auditors."""

from __future__ import annotations

import csv
from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit.actions import Action
from audit.subjects import require_whole_log
from console.people.access_review import COLUMNS, AccessRow, access_rows
from console.shell.pages import Crumb, page, paginate, render_page
from core.actors import Actor
from core.spreadsheets import csv_cell
from core.times import iso_utc


@page
@require_safe
def access_review(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the rights of people to decide, with source and time. Raises Denied but for superusers and auditors."""
    require_whole_log(actor, action=Action.API_CALLED)
    rows = access_rows(actor)
    match request.GET.get("format"):
        case "csv":
            return _csv(rows)
        case "json":
            answer = {"read_at": iso_utc(timezone.now()), "rights": [_plain(row) for row in rows]}
            return JsonResponse(answer, headers={"Content-Disposition": 'attachment; filename="access-review.json"'})
    return render_page(
        request,
        "console/people/access_review.html",
        "Access review",
        crumbs=[Crumb("People", reverse("console:people"))],
        rows=paginate(request, rows),
    )


def _csv(rows: list[AccessRow]) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="access-review.csv"'
    writer = csv.writer(response)
    writer.writerow(COLUMNS)
    for row in rows:
        fields = _plain(row)
        writer.writerow(csv_cell(fields[column]) for column in COLUMNS)
    return response


def _plain(row: AccessRow) -> dict[str, str]:
    """Return a row with times as text, "" for one that is not known."""
    times = {name: iso_utc(at) if (at := getattr(row, name)) else "" for name in ("since", "expires", "last_sign_in")}
    return {**asdict(row), **times}
