"""A reviewer adds a passkey in Chromium and signs an approval with it; an outsider verifies what the browser made.

The authenticator is Chromium's virtual one, spoken to over its own protocol (WebAuthn domain).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import CDPSession, Locator, Page, expect

from demo.client import REST, Client, Session
from tests.e2e.governed_model import ask_for_production, train_and_register
from tests.e2e.installation import PASSWORD, Installation, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.usefixtures("_signed_by_passkey")]
MODEL, OTHER = "signed_in_browser", "other_in_browser"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, migrated: Path | None) -> Iterator[Installation]:
    """An installation whose policy on Production asks for passkeys, reached as http://localhost."""
    port = free_port()
    with Installation(
        tmp_path_factory.mktemp("passkeys") / "data",
        port=port,
        migrated=migrated,
        environment={"CUSTODY_PASSKEY_ORIGINS": f"http://localhost:{port}"},
    ) as installation:
        installation.url = f"http://localhost:{port}"
        for name, groups in (
            ("walter", ()),
            ("vera", ("reviewers",)),
            ("vito", ("reviewers",)),
            ("eddy", ("policy-editors",)),
        ):
            installation.person(name, groups=groups)
        installation.person("polly", groups=("policy-reviewers",))
        yield installation


@pytest.fixture(scope="module")
def author(server: Installation) -> Client:
    return Client(server.url, token=server.token("walter"))


def sign_in(page: Page, server: Installation, name: str, *, to: str) -> None:
    page.goto(f"{server.url}/admin/login/?next={to}")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{to}")


def authenticator(page: Page) -> tuple[CDPSession, str]:
    """Put a virtual authenticator into the page's browser; return the session to it, and its id."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "ctap2Version": "ctap2_1",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, str(made["authenticatorId"])


@pytest.fixture(scope="module")
def _signed_by_passkey(server: Installation, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Eddy proposes that approvals of Production are signed with a passkey, and polly approves that."""
    body: dict[str, Any] = yaml.safe_load(server.manage("policy", "export", "production-default"))
    body["options"] = {**body.get("options", {}), "signed_by": "passkey"}
    path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    path.write_text(yaml.safe_dump(body))
    server.manage("policy", "propose", str(path), "--as", "eddy", "--comment", "Own keys.")
    polly = Session(server.url, username="polly", password=PASSWORD)
    (proposal,) = polly.get(f"{REST}policies/proposals")["proposals"]
    said = {"comment": "Yes.", "seen_digest": proposal["digest"]}
    polly.post(f"{REST}policies/proposals/{proposal['id']}/approve", said)


def add_passkey(page: Page, server: Installation) -> None:
    """Let vera sign in and add the passkey of her laptop."""
    sign_in(page, server, "vera", to="/account/passkeys/")
    page.get_by_label("Name").fill("Vera's laptop")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Add passkey").click()
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_text("The passkey Vera's laptop is added.")).to_be_visible()


def sign_in_with_passkey(page: Page, server: Installation) -> None:
    """Let vera sign in again: with her password, and the passkey that she has now."""
    page.context.clear_cookies()
    page.goto(f"{server.url}/admin/login/?next=/account/passkeys/")
    page.get_by_label("Username").fill("vera")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    button = page.get_by_role("button", name="Use your passkey")
    expect(button).to_be_visible()
    answer = page.context.request.get(f"{server.url}/account/passkeys/", max_redirects=0)
    assert answer.status == 302, "the password alone lets nobody in"
    button.click()
    page.wait_for_url("**/account/passkeys/")


def open_dialog(page: Page, server: Installation, model: str) -> Locator:
    """Open the dialog in which a reviewer approves the request for a model, and write a comment."""
    page.goto(f"{server.url}/admin/")
    waiting = page.locator(".c-item").filter(has_text=f"{model} v1 → Production")
    waiting.get_by_role("link", name=re.compile("Review request")).click()
    expect(page.get_by_text("decide with a comment and your passkey")).to_be_visible(timeout=120_000)
    page.get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The policy asks for the signature of your passkey.")
    dialog.get_by_label("Comment").fill("The curve holds and the card is complete.")
    return dialog


def test_a_reviewer_signs_with_a_passkey_and_an_outsider_verifies_it(
    server: Installation, author: Client, page: Page, tmp_path: Path
) -> None:
    train_and_register(author, MODEL, auc=0.91)
    ask_for_production(author, MODEL, 1)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    session, device = authenticator(page)
    add_passkey(page, server)
    assert len(session.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]) == 1

    dialog = open_dialog(page, server, MODEL)
    request_page = page.url
    verified = {"authenticatorId": device, "isUserVerified": False}
    session.send("WebAuthn.setUserVerified", verified)
    dialog.get_by_role("button", name="Approve").click()
    expect(dialog.get_by_role("alert").filter(has_text="No passkey answered")).to_be_visible(timeout=180_000)
    session.send("WebAuthn.setUserVerified", verified | {"isUserVerified": True})
    dialog.get_by_role("button", name="Approve").click()

    expect(page.get_by_text("Done.", exact=True)).to_be_visible(timeout=120_000)
    assert author.get(f"{REST}models/{MODEL}/production")["version"] in (1, "1")
    page.goto(request_page)
    expect(page.get_by_text("Signed with the passkey Vera's laptop")).to_be_visible()
    sign_in_with_passkey(page, server)
    assert problems == []
    assert_an_outsider_verifies(server, author, tmp_path)


def assert_an_outsider_verifies(server: Installation, author: Client, folder: Path) -> None:
    """Export the model's events, and verify the signature that Chromium made with the export's own verifier."""
    server.manage("audit_export", str(folder / "export.zip"), "--model", MODEL)
    with zipfile.ZipFile(folder / "export.zip") as package:
        package.extractall(folder / "export")
    enrolment = json.loads((folder / "export" / "enrolments.jsonl").read_text())["event"]
    (folder / "vkey").write_bytes(author.send("GET", "/audit/vkey", None, content_type="text/plain"))
    command = [sys.executable, str(folder / "export" / "verify_passkeys.py"), str(folder / "export")]
    command += ["--vkey", str(folder / "vkey"), "--credential", f"vera={enrolment['after']['public_key']}", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    findings = json.loads(done.stdout)
    assert (done.returncode, [row["signed_by"] for row in findings["decisions"]]) == (0, ["person"]), done.stdout


def test_a_browser_without_passkeys_says_so(server: Installation, author: Client, page: Page) -> None:
    train_and_register(author, OTHER, auc=0.92)
    ask_for_production(author, OTHER, 1)
    page.add_init_script("delete window.PublicKeyCredential")
    sign_in(page, server, "vito", to="/admin/")
    dialog = open_dialog(page, server, OTHER)
    dialog.get_by_role("button", name="Approve").click()
    expect(dialog.get_by_role("alert").filter(has_text="This browser cannot use passkeys")).to_be_visible()
