"""axe finds no fault on any page, in light and dark, at 1440 and 390 pixels.

The pages are those that links and buttons lead to, one for each route. Lists and forms of records that Unfold draws for
Django's admin are not ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files
from urllib.parse import urljoin, urlsplit

import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import BrowserContext, Page

from demo.client import REST, Client
from tests.e2e.governed_model import ask_for_production, train_and_register
from tests.e2e.installation import Installation
from tests.e2e.test_browser_review import sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
MODEL = "accessible_in_browser"
WIDE, NARROW = (1440, 900), (390, 844)
LIGHT, DARK = "light", "dark"
# Pages of ours have this; the others of the admin are drawn by Unfold, whose pages have no `main`.
OURS = ('<main class="c-page"', "swagger-ui")
_AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
# The pages of ours, and those of Swagger UI.
_SHOW = "dark => ['dark', 'dark-mode'].forEach(name => document.documentElement.classList.toggle(name, dark))"
_STILL = "<style>*{transition:none!important;animation:none!important}</style>"
FEWEST_PAGES = 60


class _Links(HTMLParser):
    """The addresses that a page leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the address of a link, and of what a button loads."""
        self.found += [value for name, value in attrs if value and (name == "hx-get" or (tag, name) == ("a", "href"))]


def routes_of(context: BrowserContext, url: str) -> Iterator[str]:
    """Yield one path for each route whose page can be reached from the first one."""
    waiting, seen = ["/"], set[str]()
    while waiting:
        path = waiting.pop(0)
        try:
            route = resolve(urlsplit(path).path).route
        except Resolver404:
            continue
        if route in seen or "logout" in route or route.startswith("api/"):
            continue
        seen.add(route)
        answer = context.request.get(url + path)
        assert answer.ok, f"{path} answers {answer.status}"
        text = answer.text() if answer.headers.get("content-type", "").startswith("text/html") else ""
        if any(mark in text for mark in OURS):
            yield path
        links = _Links()
        links.feed(text)
        found = (urlsplit(urljoin(answer.url, link)) for link in links.found)
        waiting += [f"{one.path}?{one.query}" for one in found if f"{one.scheme}://{one.netloc}" == url]


@pytest.fixture(scope="module")
def filled(server: Installation) -> Installation:
    """An installation with something on every page: models, requests, a deployment, findings, a policy proposal."""
    server.person("amy", groups=("reviewers", "policy-editors"), superuser=True)
    server.person("abel")
    author = Client(server.url, token=server.token("abel"))
    for auc in (0.91, 0.92):
        train_and_register(author, MODEL, auc=auc)
    ask_for_production(author, MODEL, 1)
    author.post(f"{REST}deployments", {"endpoint": "/accessible", "model": MODEL, "version": 1, "revision": "v1"})
    finding = {"model": MODEL, "version": 1, "severity": "medium", "title": "Drifts at night", "owner": "abel"}
    author.post(f"{REST}findings", finding)
    return server


def violations(page: Page) -> list[str]:
    """Return what axe says of the page as it is shown now, a line for each element."""
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]


@pytest.fixture
def visit(filled: Installation, page: Page) -> Page:
    """A page of somebody who may see and do everything."""
    sign_in(page, filled, "amy", to="/")
    return page


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param(((LIGHT, WIDE), (DARK, NARROW)), id="light and wide, dark and narrow"),
        pytest.param(((DARK, WIDE), (LIGHT, NARROW)), id="dark and wide, light and narrow", marks=pytest.mark.long),
    ],
)
def test_axe_finds_nothing(filled: Installation, visit: Page, looks: tuple[tuple[str, tuple[int, int]], ...]) -> None:
    wrong, count = [], 0
    for path in routes_of(visit.context, filled.url):
        visit.goto(filled.url + path)
        visit.evaluate(_AXE)
        visit.evaluate("style => document.head.insertAdjacentHTML('beforeend', style)", _STILL)
        for theme, (width, height) in looks:
            visit.set_viewport_size({"width": width, "height": height})
            visit.evaluate(_SHOW, theme == DARK)
            wrong += [f"{path} {theme} {width}: {line}" for line in violations(visit)]
            if visit.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                wrong.append(f"{path} {theme} {width}: wider than the window")
        count += 1
    assert wrong == [], "\n" + "\n".join(wrong)
    assert count >= FEWEST_PAGES
