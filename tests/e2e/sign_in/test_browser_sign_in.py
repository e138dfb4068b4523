"""Sign-in with an OpenID Connect provider that other people wrote, in a real browser, with local passwords off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.e2e.installation import Installation
from tests.e2e.sign_in.identity_provider import Provider

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
DORA = {
    "sub": "0f5d", "preferred_username": "dora", "given_name": "Dora", "family_name": "Day",
    "email": "dora@example.com", "email_verified": True, "groups": ["ml-reviewers"],
}  # fmt: skip


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider(DORA)
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def server(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory, migrated: Path | None
) -> Iterator[Installation]:
    environment = {
        "CUSTODY_OIDC": "corp",
        "CUSTODY_OIDC_CORP_URL": provider.url,
        "CUSTODY_OIDC_CORP_CLIENT_ID": "custody",
        "CUSTODY_OIDC_CORP_CLIENT_SECRET": "hush",
        "CUSTODY_OIDC_CORP_SIGN_UP": "first",
        "CUSTODY_OIDC_CORP_GROUPS": json.dumps({"ml-reviewers": "reviewers"}),
        "CUSTODY_LOCAL_PASSWORDS": "off",
    }
    data = tmp_path_factory.mktemp("with-provider") / "data"
    with Installation(data, environment=environment, migrated=migrated) as installation:
        yield installation


def sign_in(page: Page, server: Installation, provider: Provider) -> None:
    page.goto(f"{server.url}/admin/login/?next=/account/tokens/")
    page.get_by_role("button", name="Sign in with Corp").click()
    at_provider(page, provider)
    page.wait_for_url("**/account/tokens/")


def at_provider(page: Page, provider: Provider) -> None:
    page.wait_for_url(f"{provider.url}/**")
    page.get_by_role("button", name=DORA["sub"], exact=True).first.click()  # type: ignore[arg-type]  # a text


def test_a_person_signs_in_and_confirms_who_they_are(server: Installation, provider: Provider, page: Page) -> None:
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and message.location["url"].startswith(server.url):
            problems.append(message.text)

    page.on("console", note)
    sign_in(page, server, provider)
    page.get_by_role("link", name="Start approval session").click()
    page.get_by_role("link", name="Confirm who you are").click()
    page.get_by_role("button", name="Confirm at Corp").click()
    at_provider(page, provider)
    page.wait_for_url("**/account/approval-session/")
    page.get_by_role("button", name="Start approval session").click()
    expect(page.get_by_role("heading", name="Your approval session")).to_be_visible()
    assert problems == []


def test_passwords_are_off_and_a_link_is_the_way_back_in(server: Installation, page: Page) -> None:
    server.person("olga", superuser=True)
    page.goto(f"{server.url}/admin/login/")
    expect(page.get_by_label("Password")).to_have_count(0)
    link = server.manage("sign_in_link", "olga", "--url", server.url, "--skip-checks").strip()
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/")
    assert requests.get(link, timeout=60).status_code == 404


def test_a_provider_that_is_away_is_a_page_that_says_so(server: Installation, provider: Provider, page: Page) -> None:
    """The configuration is cached, so this shows when the person comes back."""
    sign_in(page, server, provider)
    page.context.clear_cookies()
    page.goto(f"{server.url}/admin/login/")
    page.get_by_role("button", name="Sign in with Corp").click()
    page.wait_for_url(f"{provider.url}/**")
    answered = page.context.request.post(page.url, form={"sub": DORA["sub"]}, max_redirects=0)  # type: ignore[dict-item]  # a text
    provider.stop()
    try:
        answer = page.goto(answered.headers["location"])
        assert answer is not None
        assert answer.status == 503
        expect(page.get_by_text("Corp does not answer")).to_be_visible()
    finally:
        provider.start()
