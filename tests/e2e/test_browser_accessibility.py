"""axe finds no fault on any page, in light and dark, at 1440 and 390 pixels.

The pages are those that links and buttons lead to, one for each route, with the lists and forms of records that Unfold
draws for Django's admin; of those the rules are left out that Unfold's own templates break.
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
FEWEST_PAGES = 60
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


# Pages of ours have this; the others of the admin are drawn by Unfold.
OURS = "main.c-page, #swagger-ui"
# What Unfold's lists and forms do wrong, and why: nothing here can change it without a copy of its templates.
UNFOLDS = {
    "landmark-one-main": "they have no main part",
    "region": "without a main part everything in it lies outside of the landmarks",
    "landmark-unique": "two scroll areas have the same name",
}


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

    def is_ours(self) -> bool:
        """Return whether a template of ours draws the page."""
        return self.page.locator(OURS).count() > 0

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
            if self.is_ours() or found["id"] not in UNFOLDS
        ]


class Walk:
    """The pages that can be reached from the first one, one path for each route."""

    def __init__(self) -> None:
        self._waiting = ["/"]
        self._seen: set[str] = set()

    def next_paths(self, count: int) -> list[str]:
        """Return up to so many paths of routes that were not returned yet."""
        paths: list[str] = []
        while self._waiting and len(paths) < count:
            path = self._waiting.pop(0)
            try:
                route = resolve(urlsplit(path).path).route
            except Resolver404:
                continue
            if route not in self._seen and "logout" not in route and not route.startswith("api/"):
                self._seen.add(route)
                paths.append(path)
        return paths

    def add(self, paths: list[str]) -> None:
        """Add what a page leads to."""
        self._waiting += paths


def look_at_all(pages: list[Page], url: str, options: dict[str, object], *, unfolds: bool) -> tuple[int, list[str]]:
    """Return the number of pages that were looked at, with or without those that Unfold draws, and what is wrong."""
    walk, count, wrong = Walk(), 0, list[str]()
    while paths := walk.next_paths(len(pages)):
        tabs = []
        for tab in (Tab(page, path) for page, path in zip(pages, paths, strict=False)):
            links = tab.load(url)
            if links is not None:
                walk.add(links)
                if unfolds or tab.is_ours():
                    tabs.append(tab)
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
        pytest.param(False, id="our pages: every rule at both sizes, colours in both themes"),
        pytest.param(True, id="all pages: every rule at both sizes in both themes", marks=pytest.mark.long),
    ],
)
def test_axe_finds_nothing(filled: Installation, visit: Page, *, is_whole: bool) -> None:
    pages = [visit, *(visit.context.new_page() for _ in range(TABS - 1))]
    count, wrong = look_at_all(pages, filled.url, {} if is_whole else _COLOURS, unfolds=is_whole)
    assert wrong == [], "\n" + "\n".join(wrong)
    assert count >= FEWEST_PAGES
