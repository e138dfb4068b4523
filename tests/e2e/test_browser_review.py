"""The reviewer's way through a real browser: sign in, inbox, verdict, approve with a comment,
Production has changed.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from demo.client import REST, Client
from tests.e2e.governed_model import ask_for_production, train_and_register
from tests.e2e.installation import PASSWORD, Installation

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
MODEL, OTHER = "reviewed_in_browser", "asked_in_browser"


@pytest.fixture(scope="module")
def author(server: Installation) -> Client:
    """The author's client; a version of MODEL waits for a reviewer."""
    server.person("walter")
    server.person("vera", groups=("reviewers",))
    client = Client(server.url, token=server.token("walter"))
    train_and_register(client, MODEL, auc=0.91)
    ask_for_production(client, MODEL, 1)
    return client


def sign_in(page: Page, server: Installation, name: str, *, to: str = "/admin/") -> None:
    page.goto(f"{server.url}/admin/login/?next={to}")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{to}")


def expect_all_passed_but(page: Page, pending: str) -> None:
    """Wait until every rule of the open request but one has passed, and that one is pending."""
    expect(page.locator(f"[data-rule={pending}]")).to_have_attribute("data-status", "pending")
    others = page.locator("[data-rule]").count() - 1
    try:
        expect(page.locator("[data-rule][data-status=passed]")).to_have_count(others, timeout=120_000)
    except AssertionError as late:
        raise AssertionError(page.locator("#live").inner_text()) from late


def test_a_reviewer_approves_and_production_changes(server: Installation, author: Client, page: Page) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    sign_in(page, server, "vera")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"\d+ requests? (is|are) waiting for you"))
    waiting = page.locator(".c-item").filter(has_text=f"{MODEL} v1 → Production")
    expect(waiting).to_contain_text("requested by walter")
    waiting.get_by_role("link", name=re.compile("Review request")).click()
    expect_all_passed_but(page, "reviewers")

    page.get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Approve").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Say why. The reason is kept with your name.")
    dialog.get_by_label("Comment").fill("The curve holds and the card is complete.")
    dialog.get_by_role("button", name="Approve").click()

    expect(page.get_by_text("Done.", exact=True)).to_be_visible(timeout=120_000)
    assert author.get(f"{REST}models/{MODEL}/production")["version"] in (1, "1")
    page.get_by_role("link", name=f"Open {MODEL} v1").click()
    expect(page.get_by_text("Current Production")).to_be_visible()
    assert problems == []


def test_the_author_cannot_decide_and_the_keyboard_reaches_the_dialog(
    server: Installation, author: Client, page: Page
) -> None:
    train_and_register(author, OTHER, auc=0.93)
    sign_in(page, server, "walter", to=f"/models/{OTHER}/versions/1/")
    ask = page.get_by_role("button", name="Promote to Production")
    ask.focus()
    page.keyboard.press("Enter")
    comment = page.get_by_role("dialog").get_by_label("Why now?")
    expect(comment).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(ask).to_be_focused()

    page.keyboard.press("Enter")
    comment.fill("Better on every group.")
    page.get_by_role("dialog").get_by_role("button", name="Promote to Production").click()
    expect(page.get_by_text("You asked for this move, so somebody else must decide (four eyes).")).to_be_visible(
        timeout=120_000
    )
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
