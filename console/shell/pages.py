"""Shared parts of every page: sign-in, the layout around it, breadcrumbs, and pages for domain errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import admin
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from accounts.authentication import actor_from_request
from audit.services import record_denial
from console.shell.drafts import discard_submitted
from core.actors import Actor
from core.errors import Conflict, Denied, DomainError, InvalidInput, NotAuthenticated, NotFound, Unavailable

P = ParamSpec("P")
PER_PAGE = 50
_SYMBOLS = {403: "lock", 404: "search_off"}


@dataclass(frozen=True, slots=True)
class Crumb:
    """One link of the breadcrumbs before the page itself."""

    title: str
    url: str


def page(view: Callable[Concatenate[HttpRequest, Actor, P], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Return a view that requires sign-in, calls ``view`` with the actor, and shows domain errors as pages."""

    @never_cache
    @wraps(view)
    def wrapper(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        request.current_app = "admin"  # unfold's breadcrumbs read it
        if not admin.site.has_permission(request):
            return _to_login(request)
        try:
            _refuse_nul(request)
            actor = actor_from_request(request)
            response = view(request, actor, *args, **kwargs)
        except DomainError as error:
            return _refusal(request, error)
        discard_submitted(request, actor, response)
        return response

    return wrapper


def render_page(
    request: HttpRequest,
    template: str,
    title: str,
    *,
    crumbs: Sequence[Crumb] = (),
    status: int = 200,
    **context: object,
) -> HttpResponse:
    """Render a template in the layout of the pages. The page's own title is added to its ``crumbs``."""
    shell = admin.site.each_context(request)
    return render(request, template, {**shell, "title": title, "crumbs": list(crumbs), **context}, status=status)


def paginate(request: HttpRequest, rows: QuerySet[Model] | Sequence[object], per_page: int = PER_PAGE) -> Page[object]:
    """Return the page of ``rows`` that the query string names, the nearest one where it does not exist."""
    return Paginator(rows, per_page).get_page(request.GET.get("page"))


def model_crumbs(name: str = "", version: int | None = None) -> list[Crumb]:
    """Return the breadcrumbs down to a model, or to one of its versions."""
    crumbs = [Crumb("Models", reverse("console:models"))]
    if name:
        crumbs.append(Crumb(name, reverse("console:model", args=[name])))
    if version is not None:
        crumbs.append(Crumb(f"v{version}", reverse("console:version", args=[name, version])))
    return crumbs


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """Return a redirect after a form: a header for htmx, otherwise an HTTP redirect."""
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def denied_message(actor: Actor, error: DomainError) -> str:
    """Return the message of a refusal. A denial is recorded in the audit log."""
    if isinstance(error, Denied):
        record_denial(actor=actor, error=error)
    return error.message


def _refuse_nul(request: HttpRequest) -> None:
    """Refuse an address with a NUL byte: no name contains one, and PostgreSQL cannot store one."""
    if "\x00" in request.path or any("\x00" in value for values in request.GET.lists() for value in values[1]):
        raise InvalidInput("The address contains a NUL byte. Correct it and try again.")


def _to_login(request: HttpRequest) -> HttpResponse:
    url = f"{reverse('admin:login')}?{urlencode({'next': request.get_full_path()})}"
    return go_to(request, url)


def _refusal(request: HttpRequest, error: DomainError) -> HttpResponse:
    match error:
        case NotAuthenticated():
            return _to_login(request)
        case Unavailable():
            raise error  # config/middleware.py answers 503
        case NotFound():
            status, title = 404, "Not found"
        case Denied():
            record_denial(actor=actor_from_request(request), error=error)
            status, title = 403, "You are not allowed to do this"
        case Conflict():
            status, title = 409, "Somebody else changed this"
        case InvalidInput():
            status, title = 400, "Invalid request"
        case _:
            status, title = 409, "This is not possible now"
    return render_page(
        request,
        "console/shell/refusal.html",
        title,
        status=status,
        message=error.message,
        symbol=_SYMBOLS.get(status, "error"),
    )
