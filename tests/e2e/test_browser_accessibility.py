"""axe finds no fault on any page, in light and dark, at 1440 and 390 pixels.

The pages are those that links and buttons lead to, one for each route, with the lists and forms of records that Unfold
draws for Django's admin; of those only what Unfold's own templates do wrong is left out, element by element.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import urljoin, urlsplit

import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Error, Page

from demo.client import REST, Client
from tests.e2e.governed_model import ask_for_production, train_and_register
from tests.e2e.installation import Installation
from tests.e2e.test_browser_review import sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
MODEL = "accessible_in_browser"
WIDE, NARROW = (1440, 900), (390, 844)
LIGHT, DARK = "light", "dark"
_AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
_STILL = "<style>*{transition:none!important;animation:none!important}</style>"
FEWEST_PAGES = 90
TABS = 3
# A theme changes colours and nothing else: the second look at a page asks only what colours decide.
_COLOURS: dict[str, object] = {"runOnly": ["color-contrast", "link-in-text-block"]}
_LINKS = """[...document.querySelectorAll('a[href], [hx-get]')]
    .map(one => one.getAttribute('hx-get') || one.getAttribute('href'))"""
# Runs axe in both themes, and hands the answer over when it is asked for: the tabs work at the same time.
_LOOK = """options => {
    const dark = on => document.documentElement.classList.toggle('dark', on);
    const run = async () => {
        dark(false);
        const light = await axe.run(document, {resultTypes: ['violations']});
        dark(true);
        return [light, await axe.run(document, {resultTypes: ['violations'], ...options})];
    };
    window.looked = run();
    return document.documentElement.scrollWidth > window.innerWidth;
}"""


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


# What Unfold's templates do wrong: the rule, a piece of the element, and why it stays.
UNFOLDS: tuple[tuple[str, str, str], ...] = ()


def is_unfolds(rule: str, html: str) -> bool:
    """Return whether a violation is that of an element that Unfold's own templates make."""
    return any(rule == theirs and piece in html for theirs, piece, _ in UNFOLDS)


@dataclass(frozen=True)
class Tab:
    """A page that is looked at: at one size in both themes."""

    page: Page
    path: str

    def load(self, url: str) -> list[str] | None:
        """Open the page, with axe in it and nothing that moves; return where it leads, None for what is no page."""
        try:
            answer = self.page.goto(url + self.path)
        except Error as failure:
            if "Download is starting" in str(failure):
                return None
            raise
        assert answer, self.path
        assert answer.ok, f"{self.path} answers {answer.status}"
        if self.page.evaluate("document.contentType") != "text/html":
            return None
        self.page.evaluate(_AXE)
        self.page.evaluate("style => document.head.insertAdjacentHTML('beforeend', style)", _STILL)
        found = (urlsplit(urljoin(self.page.url, link)) for link in self.page.evaluate(_LINKS))
        return [f"{one.path}?{one.query}" for one in found if f"{one.scheme}://{one.netloc}" == url]

    def look(self, size: tuple[int, int], options: dict[str, object]) -> list[str]:
        """Begin to look at the page, and return what is wrong with its width."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        wide = self.page.evaluate(_LOOK, options)
        return [f"{self.path} {size[0]}: wider than the window"] if wide else []

    def violations(self, width: int) -> list[str]:
        """Return what axe said in both themes, a line for each element."""
        return [
            f"{self.path} {theme} {width}: {found['id']}: {node['html'][:160]}"
            for theme, said in zip((LIGHT, DARK), self.page.evaluate("window.looked"), strict=True)
            for found in said["violations"]
            for node in found["nodes"]
            if not is_unfolds(found["id"], node["html"])
        ]


class Walk:
    """The pages that can be reached from the first one, one path for each route."""

    def __init__(self, *, every_form: bool) -> None:
        self._every_form = every_form
        self._waiting = ["/"]
        self._seen: set[str] = set()

    def next_paths(self, count: int) -> list[str]:
        """Return up to so many paths of routes that were not returned yet."""
        paths: list[str] = []
        while self._waiting and len(paths) < count:
            path = self._waiting.pop(0)
            try:
                kind = self._kind(urlsplit(path).path)
            except Resolver404:
                continue
            if kind not in self._seen and "logout" not in kind and not kind.startswith("api/"):
                self._seen.add(kind)
                paths.append(path)
        return paths

    def add(self, paths: list[str]) -> None:
        """Add what a page leads to."""
        self._waiting += paths

    def _kind(self, path: str) -> str:
        """Return the route of a path. Forms of records that Unfold draws are alike: one stands for all."""
        match = resolve(path)
        forms = match.route.startswith("admin/") and match.route.endswith(("/change/", "/add/"))
        is_ours = "transitionrequest" in match.route
        return "a form of a record" if forms and not is_ours and not self._every_form else match.route


def look_at_all(pages: list[Page], url: str, walk: Walk, options: dict[str, object]) -> tuple[int, list[str]]:
    """Return the number of pages that can be reached, and what is wrong with them."""
    count, wrong = 0, list[str]()
    while paths := walk.next_paths(len(pages)):
        tabs = []
        for page, path in zip(pages, paths, strict=False):
            links = Tab(page, path).load(url)
            if links is not None:
                tabs.append(Tab(page, path))
                walk.add(links)
        for size in (WIDE, NARROW):
            for tab in tabs:
                wrong += tab.look(size, options)
            for tab in tabs:
                wrong += tab.violations(size[0])
        count += len(tabs)
    return count, wrong


@pytest.fixture
def visit(filled: Installation, page: Page) -> Page:
    """A page of somebody who may see and do everything."""
    sign_in(page, filled, "amy", to="/")
    return page


@pytest.mark.parametrize(
    "is_whole",
    [
        pytest.param(False, id="every rule once, colours in both themes"),
        pytest.param(True, id="every rule in both themes, every form", marks=pytest.mark.long),
    ],
)
def test_axe_finds_nothing(filled: Installation, visit: Page, *, is_whole: bool) -> None:
    pages = [visit, *(visit.context.new_page() for _ in range(TABS - 1))]
    count, wrong = look_at_all(pages, filled.url, Walk(every_form=is_whole), {} if is_whole else _COLOURS)
    assert wrong == [], "\n" + "\n".join(wrong)
    assert count >= FEWEST_PAGES
