"""An incident in a real browser: from "this dataset version is bad" to a rolled-back model in five clicks."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from demo.client import REST, Client, Session
from tests.e2e.governed_model import ask_for_production, train_and_register
from tests.e2e.installation import PASSWORD, Installation
from tests.e2e.test_browser_review import sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
MODEL, BAD = "rolled_back_in_browser", "incident_orders"
MOST_CLICKS = 5


@pytest.fixture(scope="module")
def author(server: Installation) -> Client:
    """The author's client. Version 2 replaced version 1 in Production, and was trained on the bad data."""
    server.person("ines", groups=("operators",))
    server.person("rita", groups=("reviewers",))
    client = Client(server.url, token=server.token("ines"))
    reviewer = Session(server.url, username="rita", password=PASSWORD)
    for auc, data in ((0.9, "incident_customers_v1"), (0.93, f"{BAD}_v2")):
        version = train_and_register(client, MODEL, auc=auc, data=data)
        ask_for_production(client, MODEL, version)
        (request,) = client.get(f"{REST}transition-requests", {"model": MODEL, "state": "open"})["transition_requests"]
        body = {"decision": "approve", "comment": "Read.", "seen_digest": request["subject_digest"]}
        reviewer.post(f"{REST}transition-requests/{request['id']}/reviews", body)
        ask_for_production(client, MODEL, version)
    assert production(client) == 2
    return client


def production(client: Client) -> int:
    """Return the number of the version in Production."""
    return int(client.get(f"{REST}models/{MODEL}/production")["version"])


def test_from_bad_data_to_rolled_back_in_five_clicks(server: Installation, author: Client, page: Page) -> None:
    clicks = 0

    def click(target: Locator) -> None:
        nonlocal clicks
        target.click()
        clicks += 1

    sign_in(page, server, "ines", to=f"/datasets/?q={BAD}")
    click(page.locator("#page, main").get_by_role("link", name=BAD).first)
    click(page.get_by_role("button", name="Quarantine dataset version"))
    # A dialog, or a page of its own where the click came before the scripts.
    submit = page.locator("form:has(textarea) button[type=submit]")
    page.get_by_label("Why?").fill("Half of the orders are doubled.")
    click(submit)
    expect(page.get_by_role("status").filter(has_text="Half of the orders are doubled.")).to_be_visible()
    click(page.get_by_role("button", name=f"Roll back {MODEL}"))
    page.get_by_label("Why?").fill("It was trained on doubled orders.")
    click(submit)
    expect(page.get_by_text("is in Production again").first).to_be_visible()
    assert clicks <= MOST_CLICKS
    assert production(author) == 1
