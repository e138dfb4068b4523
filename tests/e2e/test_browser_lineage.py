"""Lineage in a real browser: open the endpoint, click an artifact, what it rests on is lit and the rest dimmed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from demo.client import MLFLOW, REST, Client
from tests.e2e.governed_model import train_and_register
from tests.e2e.installation import PASSWORD, Installation
from tests.e2e.test_browser_review import sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
MODEL = "traced_in_browser"
ENDPOINT = "/traced"


@pytest.fixture(scope="module")
def deployed(server: Installation) -> Installation:
    """An endpoint that serves a version with its run, code and two datasets behind it."""
    server.person("lena")
    client = Client(server.url, token=server.token("lena"))
    version = train_and_register(client, MODEL, auc=0.9)
    client.post(f"{REST}deployments", {"endpoint": ENDPOINT, "model": MODEL, "version": version, "revision": "v1"})
    return server


def test_clicking_an_artifact_lights_what_it_rests_on(deployed: Installation, page: Page) -> None:
    sign_in(page, deployed, "lena", to="/endpoints/")
    page.get_by_label(ENDPOINT).get_by_role("link", name="Show ancestry").click()
    nodes = page.locator("#graph a.node")
    expect(nodes).to_have_count(8)  # endpoint, deployment, version, run, two datasets, commit, requirements
    expect(page.locator("#graph[data-ready]")).to_be_visible()
    before = page.locator("#graph").get_attribute("viewBox")

    page.get_by_role("link", name=re.compile(f"Run {MODEL}.*trace its inputs")).click()
    expect(page.locator("#graph a.node.lit")).to_have_count(4)
    expect(page.locator("#graph a.node.dim")).to_have_count(4)
    expect(page.locator("#graph-summary")).to_contain_text("has 3 ancestors.")
    assert page.locator("#graph").get_attribute("viewBox") == before
    assert "picked=run" in page.url

    page.reload()
    expect(page.locator("#graph a.node.lit")).to_have_count(4)
    page.go_back()
    expect(page.locator("#graph a.node.lit")).to_have_count(0)


def test_the_keyboard_traces_too(deployed: Installation, page: Page) -> None:
    sign_in(page, deployed, "lena", to="/endpoints/")
    page.goto(f"{deployed.url}/lineage/?node=endpoint:{ENDPOINT}")
    page.get_by_role("link", name=re.compile("Model version .*trace its inputs")).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#graph a.node.lit")).to_have_count(6)
    page.keyboard.press("Escape")
    expect(page.locator("#graph a.node.lit")).to_have_count(0)


def test_without_scripts_a_click_lights_it_as_well(deployed: Installation, page: Page, context: object) -> None:
    sign_in(page, deployed, "lena", to="/endpoints/")
    page.route("**/lineage.js", lambda route: route.abort())
    page.goto(f"{deployed.url}/lineage/?node=endpoint:{ENDPOINT}")
    page.get_by_role("link", name=re.compile("Run .*trace its inputs")).click()
    expect(page.locator("#graph a.node.lit")).to_have_count(4)


def test_links_that_the_mlflow_client_prints_lead_here_through_the_sign_in(deployed: Installation, page: Page) -> None:
    client = Client(deployed.url, token=deployed.token("lena"))
    run_id = client.get(f"{MLFLOW}model-versions/get", {"name": MODEL, "version": "1"})["model_version"]["run_id"]
    page.goto(f"{deployed.url}/#/experiments/0/runs/{run_id}")
    page.get_by_label("Username").fill("lena")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**/runs/{run_id}/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
