"""From a reference (`model-version:fraud/7`) to the page that shows the thing."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

# The path of a model version, under which its other pages lie.
VERSION_PATH = "models/<str:name>/versions/<int:number>/"


def _version(rest: str) -> str:
    name, _, number = rest.rpartition("/")
    return reverse("console:version", args=[name, int(number)])


def lineage_url(urn: str, **more: str) -> str:
    """Return the lineage page of a node."""
    return f"{reverse('console:lineage')}?{urlencode({'node': urn, **more})}"


def _on_lineage(kind: str) -> Callable[[str], str]:
    return lambda rest: lineage_url(f"{kind}:{rest}")


def _risk(rest: str) -> str:
    return reverse("console:model_risk", args=[rest.rpartition("/")[0]])


_PAGES: dict[str, Callable[[str], str]] = {
    "model": lambda rest: reverse("console:model", args=[rest]),
    "model-version": _version,
    "risk-assessment": _risk,
    "run": lambda rest: reverse("console:run", args=[rest]),
    "trace": lambda rest: reverse("console:trace", args=[rest]),
    "experiment": lambda rest: f"{reverse('console:runs')}?{urlencode({'experiment': rest})}",
    "transition-request": lambda rest: reverse("admin:approvals_transitionrequest_change", args=[rest]),
    "policy-proposal": lambda rest: reverse("console:proposal", args=[rest]),
    "finding": lambda rest: reverse("console:finding", args=[rest]),
    "webhook": lambda rest: reverse("admin:webhooks_webhook_change", args=[rest]),
    "dataset-version": lambda rest: f"{reverse('console:dataset')}?{urlencode({'node': f'dataset-version:{rest}'})}",
    "endpoint": _on_lineage("endpoint"),
    "deployment": _on_lineage("deployment"),
    "code": _on_lineage("code"),
}


_IMPORTED = {
    "huggingface": "a Hugging Face card",
    "mct": "a Model Card Toolkit card",
    "cyclonedx": "a CycloneDX document",
}


def _imported(rest: str) -> str:
    kind, _, digest = rest.partition("/")
    return f"{_IMPORTED.get(kind, kind)} ({digest[:19]}…)"


def place_of(ref: str) -> str:
    """Return the URL of a reference's page, or "" where there is none."""
    kind, _, rest = ref.partition(":")
    page = _PAGES.get(kind)
    if page is None or not rest:
        return ""
    try:
        return page(rest)
    except (NoReverseMatch, ValueError):
        return ""


def label_of(ref: str) -> str:
    """Return a reference as people say it: ``fraud v7``, ``request #12``."""
    kind, _, rest = ref.partition(":")
    match kind:
        case "model-version" | "dataset-version":
            name, _, number = rest.rpartition("/")
            return f"{name} {'v' if kind == 'model-version' else ''}{number}"
        case "transition-request" | "policy-proposal":
            return f"request #{rest}" if kind == "transition-request" else f"policy proposal {rest}"
        case "run" | "trace":
            return f"{kind} {rest.removeprefix('tr-')[:8]}"
        case "import":
            return _imported(rest)
        case "artifact":
            return rest.rsplit("/", 1)[-1] or rest
        case _:
            return rest or ref
