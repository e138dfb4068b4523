"""`load_demo`: its accounts, its tokens, and what it says where the demonstration cannot be loaded."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import ApiToken, User
from config.demonstration import AUTHORS, Passwords, ensure_people, working_tokens
from demo.scenario import DONE_MODEL, DONE_TAG
from registry.models import RegisteredModel
from registry.services.models import create_model, set_model_tag
from tests.conftest import Acting
from tests.e2e.installation import free_port


@pytest.fixture(autouse=True)
def passwords(settings: Settings, tmp_path: Path) -> Passwords:
    settings.DATA_DIR = tmp_path
    return Passwords(tmp_path)


def load(url: str = "http://127.0.0.1:9") -> str:
    printed = io.StringIO()
    call_command("load_demo", url=url, stdout=printed)
    return printed.getvalue()


def test_the_accounts_are_made_once_with_the_passwords_of_the_file(db: None, passwords: Passwords) -> None:
    ensure_people(passwords)
    ensure_people(passwords)
    accounts = {user.username: user for user in User.objects.all()}
    assert set(accounts) == {"ada", "bea", "carl", "ci-payments"}
    assert all(accounts[name].check_password(passwords.of(name)) for name in ("ada", "bea", "carl"))
    assert (accounts["ci-payments"].is_service, accounts["ci-payments"].owner) == (True, accounts["ada"])
    assert accounts["bea"].groups.get().name == "reviewers"
    assert passwords.path.stat().st_mode & 0o777 == 0o600
    assert passwords.of("bea") in passwords.sign_in_hint()


def test_the_account_of_somebody_else_is_left_alone(ada: User) -> None:
    with pytest.raises(CommandError, match=r"There is already a user ada with another password. Nothing was loaded"):
        load()
    ada.refresh_from_db()
    assert ada.check_password("ada-password-1")
    assert not RegisteredModel.objects.exists()


def test_tokens_work_in_the_block_only(db: None, passwords: Passwords) -> None:
    ensure_people(passwords)
    with working_tokens(AUTHORS) as secrets:
        assert set(secrets) == set(AUTHORS)
        assert ApiToken.objects.filter(revoked_at=None).count() == len(AUTHORS)
    assert not ApiToken.objects.filter(revoked_at=None).exists()


def test_a_server_that_does_not_answer_is_said_and_leaves_no_token(db: None) -> None:
    with pytest.raises(CommandError, match="The demonstration was not loaded completely: "):
        load(f"http://127.0.0.1:{free_port()}")
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    assert not RegisteredModel.objects.exists()


def test_a_demonstration_that_is_complete_is_not_loaded_again(cy: User, acting: Acting) -> None:
    create_model(actor=acting(cy), name=DONE_MODEL)
    set_model_tag(actor=acting(cy), name=DONE_MODEL, key=DONE_TAG, value="yes")
    assert load() == "The demonstration is loaded already.\n"
    assert list(User.objects.all()) == [cy]
