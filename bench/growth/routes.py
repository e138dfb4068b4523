"""Every page and list of the installation, with an object for each variable of its path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from approvals.models import CheckRun, Finding, TransitionRequest
from audit.models import Event
from policies.models import Policy
from registry.models import ModelVersion
from tracking.models import Experiment, Run

_VARIABLE = re.compile(r"<(?:(\w+):)?(\w+)>")
# Not pages: jobs that answer when they are done, a stream that does not end, and the sign-in.
_LEFT_OUT = ("login", "logout", "password", "jsi18n", "accounts/", "schema", "audit/export", "production/events")


def page_paths() -> list[str]:
    """Return the paths of the pages and of the lists of /api/v1 for which there is an object, each once."""
    values = _objects()
    paths: dict[str, None] = {}
    for route in _routes(get_resolver().url_patterns):
        if not route.startswith(("admin/", "api/v1/")) and not _is_page(route):
            continue
        names = [name for _, name in _VARIABLE.findall(route)]
        if all(name in values for name in names) and not any(part in route for part in _LEFT_OUT):
            paths["/" + _VARIABLE.sub(lambda found: values[found[2]], route)] = None
    return list(paths)


def _is_page(route: str) -> bool:
    return not route.startswith(("api/", "ajax-api/", "static", "log", "metrics", "healthz", "v1/"))


def _routes(patterns: Sequence[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    """Yield the path of every route that is no regular expression."""
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        elif "(" not in route and "^" not in route:
            yield route


def _objects() -> dict[str, str]:
    """Return a value for each variable of paths: a model with an open request, its version, a run and so on."""
    request = TransitionRequest.objects.filter(state="open").select_related("version__model").latest("pk")
    version: ModelVersion = request.version
    run = Run.objects.get(pk=version.run_id)
    return {
        "name": version.model.name,
        "version": str(version.version),
        "request_id": str(request.pk),
        "object_id": str(request.pk),
        "run_id": run.pk,
        "experiment_id": str(Experiment.objects.order_by("pk")[1].pk),
        "check_run_id": str(CheckRun.objects.latest("pk").pk),
        "finding_id": str(Finding.objects.latest("pk").pk),
        "policy_id": str(Policy.objects.latest("pk").pk),
        "event_id": str(Event.objects.latest("pk").event_id),
        "username": User.objects.get(username="bea").username,
        "stage": "Production",
        "number": "1",
        "app_label": "approvals",
    }
