"""Identity providers are read from the environment; what cannot be used stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounts.oidc.configuration import SignUp
from config.env import BadSetting
from config.sign_in.identity_providers import identity_providers

CORP = {
    "CUSTODY_OIDC_CORP_URL": "https://login.example.com/realms/main",
    "CUSTODY_OIDC_CORP_CLIENT_ID": "custody",
}


def set_all(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    for name, value in {**CORP, **changes}.items():
        monkeypatch.setenv(name, value)


def test_no_provider_by_default() -> None:
    assert identity_providers([]) == ()


def test_what_is_not_set_has_a_safe_default(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch)
    [corp] = identity_providers(["corp"])
    assert (corp.name, corp.scopes, corp.sign_up) == ("Corp", ("openid", "profile", "email"), SignUp.INVITED)
    assert (corp.groups_claim, dict(corp.groups)) == ("groups", {})


def test_several_providers_and_a_secret_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n", encoding="utf-8")
    more = {
        "CUSTODY_OIDC_CORP_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
        "CUSTODY_OIDC_CORP_SCOPES": "profile,groups",
        "CUSTODY_OIDC_CORP_GROUPS": '{"CN=ml,OU=a=b": "reviewers"}',
        "CUSTODY_OIDC_CORP_SIGN_UP": "first",
        "CUSTODY_OIDC_CORP_FORMER_URLS": "https://sso.example.com/,https://id.example.com/.well-known/openid-configuration",
        "CUSTODY_OIDC_EU_WEST_URL": "http://127.0.0.1:9400",
        "CUSTODY_OIDC_EU_WEST_CLIENT_ID": "custody-eu",
        "CUSTODY_OIDC_EU_WEST_NAME": "Company EU",
    }
    set_all(monkeypatch, **more)
    corp, europe = identity_providers(["corp", "eu-west"])
    assert (corp.client_secret, corp.scopes, corp.sign_up) == ("hush", ("openid", "profile", "groups"), SignUp.FIRST)
    assert corp.groups == {"CN=ml,OU=a=b": "reviewers"}
    assert "hush" not in repr(corp)
    old = {"https://sso.example.com", "https://id.example.com"}
    assert corp.known_issuers == {"https://login.example.com/realms/main", *old}
    assert (europe.id, europe.name, europe.client_id) == ("eu-west", "Company EU", "custody-eu")


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.com/realms/main",
        "https://login.example.com/realms/main/",
        "https://login.example.com/realms/main/.well-known/openid-configuration",
    ],
)
def test_the_address_is_that_of_the_issuer_or_of_its_configuration(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    set_all(monkeypatch, CUSTODY_OIDC_CORP_URL=url)
    [corp] = identity_providers(["corp"])
    assert corp.issuer == "https://login.example.com/realms/main"
    assert corp.discovery_url == "https://login.example.com/realms/main/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("URL", "", "CUSTODY_OIDC_CORP_URL is missing"),
        ("URL", "http://login.example.com", "must be the https:// address"),
        ("URL", "login.example.com", "must be the https:// address"),
        ("URL", "https://login.example.com?x=1", "must be the https:// address"),
        ("URL", "https://[", "cannot be read"),
        ("CLIENT_ID", "", "CUSTODY_OIDC_CORP_CLIENT_ID is missing"),
        ("GROUPS", "a=b", "must be a JSON object"),
        ("GROUPS", '["a"]', "must be a JSON object such as"),
        ("GROUPS", '{"a": ""}', "must be a JSON object such as"),
        ("SIGN_UP", "everybody", "must be one of first, invited"),
    ],
)
def test_what_cannot_be_used_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    set_all(monkeypatch, **{f"CUSTODY_OIDC_CORP_{name}": value})
    with pytest.raises(BadSetting, match=message):
        identity_providers(["corp"])


@pytest.mark.parametrize("provider_id", ["Corp", "1st", "a/b", "a b", "ä", "x" * 31])
def test_an_id_is_safe_in_an_address(provider_id: str) -> None:
    with pytest.raises(BadSetting, match="an id has"):
        identity_providers([provider_id])


def test_an_id_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch)
    with pytest.raises(BadSetting, match="more than once"):
        identity_providers(["corp", "corp"])


def test_one_provider_alone_sets_the_members_of_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = '{"a": "reviewers", "b": "reviewers"}'
    more = {"CUSTODY_OIDC_EU_URL": "https://eu.example.com", "CUSTODY_OIDC_EU_CLIENT_ID": "x"}
    set_all(monkeypatch, CUSTODY_OIDC_CORP_GROUPS=groups, **more)
    assert len(identity_providers(["corp", "eu"])) == 2
    monkeypatch.setenv("CUSTODY_OIDC_EU_GROUPS", '{"c": "reviewers"}')
    with pytest.raises(BadSetting, match="Only one identity provider"):
        identity_providers(["corp", "eu"])
