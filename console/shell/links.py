"""Addresses and names of the objects of references such as `model-version:fraud/7`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from core.ids import row_id

# The path of a model version's page. The paths of its other pages begin with it.
VERSION_PATH = "models/<str:name>/versions/<int:number>/"


def version_url(name: str, number: int) -> str:
    """Return the address of a model version's page."""
    return reverse("console:version", args=[name, number])


def request_url(request_id: int | str) -> str:
    """Return the address of a transition request's page."""
    return reverse("admin:approvals_transitionrequest_change", args=[request_id])


def lineage_url(ref: str, **query: str) -> str:
    """Return the address of the lineage page of a node; ``query`` may give `direction` and `picked`."""
    return f"{reverse('console:lineage')}?{urlencode({'node': ref, **query})}"


def _version_page(version_name: str) -> str:
    name, _, number = version_name.rpartition("/")
    return version_url(name, row_id(number)) if row_id(number) else lineage_url(f"model-version:{version_name}")


def _lineage_page(kind: str) -> Callable[[str], str]:
    return lambda name: lineage_url(f"{kind}:{name}")


def _risk_page(name: str) -> str:
    return reverse("console:model_risk", args=[name.rpartition("/")[0]])


_PAGES: dict[str, Callable[[str], str]] = {
    "model": lambda name: reverse("console:model", args=[name]),
    "model-version": _version_page,
    "risk-assessment": _risk_page,
    "run": lambda name: reverse("console:run", args=[name]),
    "trace": lambda name: reverse("console:trace", args=[name]),
    "experiment": lambda name: f"{reverse('console:runs')}?{urlencode({'experiment': name})}",
    "transition-request": request_url,
    "policy-proposal": lambda name: reverse("console:proposal", args=[name]),
    "finding": lambda name: reverse("console:finding", args=[name]),
    "webhook": lambda name: reverse("admin:webhooks_webhook_change", args=[name]),
    "dataset-version": lambda name: f"{reverse('console:dataset')}?{urlencode({'node': f'dataset-version:{name}'})}",
    "endpoint": _lineage_page("endpoint"),
    "deployment": _lineage_page("deployment"),
    "code": _lineage_page("code"),
}


# The names of documents that a model card can be imported from, by the kind in an `import:` reference.
_IMPORTED_FROM = {
    "huggingface": "a Hugging Face card",
    "mct": "a Model Card Toolkit card",
    "cyclonedx": "a CycloneDX document",
}


def _imported_from(name: str) -> str:
    kind, _, digest = name.partition("/")
    return f"{_IMPORTED_FROM.get(kind, kind)} ({digest[:19]}…)"


def diff_url(before: str, after: str) -> str:
    """Return the address of the page with the differences between two nodes."""
    return f"{reverse('console:diff')}?{urlencode({'a': before, 'b': after})}"


@lru_cache(maxsize=8192)  # a graph has hundreds of nodes, and a look-up of a route takes 50 µs
def page_url(ref: str) -> str:
    """Return the address of a reference's page, "" where it has none."""
    kind, _, name = ref.partition(":")
    page = _PAGES.get(kind)
    if page is None or not name:
        return ""
    try:
        return page(name)
    except (NoReverseMatch, ValueError):
        return ""


def ref_label(ref: str) -> str:
    """Return a reference as text for people: ``fraud v7``, ``request #12``."""
    kind, _, object_name = ref.partition(":")
    match kind:
        case "model-version" | "dataset-version":
            name, _, number = object_name.rpartition("/")
            return f"{name} {'v' if kind == 'model-version' else ''}{number}"
        case "transition-request" | "policy-proposal":
            return f"request #{object_name}" if kind == "transition-request" else f"policy proposal {object_name}"
        case "run" | "trace":
            return f"{kind} {object_name.removeprefix('tr-')[:8]}"
        case "import":
            return _imported_from(object_name)
        case "artifact":
            return object_name.rsplit("/", 1)[-1] or object_name
        case _:
            return object_name or ref
