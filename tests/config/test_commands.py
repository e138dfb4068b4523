"""`create_user` and `issue_token`."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.authentication import actor_from_token
from accounts.models import ApiToken, User
from audit.models import Event


def run(*arguments: str) -> str:
    output = io.StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def test_a_person_with_a_password_from_input(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct-horse-battery\n"))
    assert run("create_user", "dee", "--group", "reviewers", "--password-stdin") == "Created dee.\n"
    user = User.objects.get(username="dee")
    assert user.check_password("correct-horse-battery")
    assert user.groups.get().name == "reviewers"
    assert Event.objects.get().actor_ref == "system:command:create_user"


def test_without_a_terminal_there_is_no_password(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("not for you\n"))
    assert run("create_user", "dee", "--superuser") == "Created dee, without a password.\n"
    assert User.objects.get(username="dee").is_superuser


class Terminal(io.StringIO):
    """Standard input on a terminal."""

    def isatty(self) -> bool:
        return True


def typed(monkeypatch: pytest.MonkeyPatch, *passwords: str) -> list[str]:
    """Type passwords on a terminal; return the prompts, which are filled as they come."""
    lines = iter(passwords)
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return next(lines)

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("config.management.commands.create_user.getpass", ask)
    return prompts


def test_on_a_terminal_the_password_is_typed_twice(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = typed(monkeypatch, "correct-horse-battery", "correct-horse-battery")
    assert run("create_user", "dee") == "Created dee.\n"
    assert User.objects.get().check_password("correct-horse-battery")
    assert prompts == ["Password (empty for none): ", "Again: "]


def test_passwords_that_differ_make_no_account(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "correct-horse-battery", "correct-horse-batter")
    with pytest.raises(CommandError, match=r"The passwords differ\. Nothing was created"):
        run("create_user", "dee")
    assert not User.objects.exists()


def test_an_empty_password_on_a_terminal_is_none(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "")
    assert run("create_user", "dee") == "Created dee, without a password.\n"


def test_a_service_account(ada: User) -> None:
    run("create_user", "nightly", "--service", "--owner", "ada")
    assert User.objects.get(username="nightly").owner == ada


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ada"], "already a user"),
        (["dee", "--group", "nobody"], "no group called nobody"),
        (["dee", "--service"], "--owner"),
        (["dee", "--owner", "ada"], "--service"),
        (["dee", "--service", "--owner", "zoe"], "no user called zoe"),
        (["dee", "--service", "--owner", "ada", "--superuser"], "cannot be a superuser"),
        (["dee", "--password-stdin"], "no password on standard input"),
    ],
)
def test_a_refused_user_is_not_made(
    ada: User, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(CommandError, match=message):
        run("create_user", *arguments)
    assert User.objects.count() == 1


def test_a_token_is_all_that_is_printed(ada: User) -> None:
    printed = run("issue_token", "ada", "--scope", "registry:read", "--expires", "2h")
    actor = actor_from_token(printed.removesuffix("\n"), request_id="")
    assert (actor.name, actor.scopes) == ("ada", frozenset({"registry:read"}))
    left = ApiToken.objects.get().expires_at - timezone.now()
    assert timedelta(minutes=119) < left <= timedelta(hours=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zoe"], "no active user called zoe"),
        (["ada", "--scope", "approve"], "no scope approve"),
        (["ada", "--expires", "soon"], "not a duration"),
        (["ada", "--expires", "999999w"], "365 days"),
        (["ada", "--expires", "0d"], "365 days"),
    ],
)
def test_a_refused_token_is_not_issued(ada: User, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run("issue_token", *arguments)
    assert not ApiToken.objects.exists()
