"""Administration of accounts: each refusal says what to do instead, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.administration import deactivate_user, find_account, set_password, set_superuser
from accounts.models import User
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.errors import Conflict, DomainError, InvalidInput, NotFound
from tests.conftest import Acting

Change = Callable[[Actor], object]
REFUSED: list[tuple[Change, type[DomainError], str]] = [
    (lambda ops: find_account(ops, "zoe"), NotFound, "User with username=zoe not found"),
    (lambda ops: set_password(actor=ops, username="bot", password="x" * 12), InvalidInput, "has no password. Issue a"),
    (
        lambda ops: set_password(actor=ops, username="ada", password="ada-password-1"),
        InvalidInput,
        "The new password is the same as the current password",
    ),
    (lambda ops: set_password(actor=ops, username="ada", password="1234"), InvalidInput, "too short"),
    (lambda ops: set_superuser(actor=ops, username="bot", is_superuser=True), InvalidInput, "cannot be a superuser"),
    (lambda ops: set_superuser(actor=ops, username="ops", is_superuser=False), Conflict, "Ask another superuser"),
    (lambda ops: deactivate_user(actor=ops, username="ops"), Conflict, "cannot deactivate your own account"),
]


@pytest.mark.parametrize(("change", "error", "why"), REFUSED)
def test_a_refused_change_leaves_every_account_as_it_was(
    bot: User, ops: User, acting: Acting, change: Change, error: type[DomainError], why: str
) -> None:
    columns = ("username", "password", "is_active", "is_superuser")
    before = list(User.objects.order_by("pk").values_list(*columns))
    with pytest.raises(error, match=why):
        change(acting(ops))
    assert list(User.objects.order_by("pk").values_list(*columns)) == before
    assert not Event.objects.filter(action=Action.ACCOUNT_USER_CHANGED).exists()


def test_rights_that_somebody_has_already_are_not_recorded_again(ada: User, ops: User, acting: Acting) -> None:
    set_superuser(actor=acting(ops), username="ada", is_superuser=False)
    assert not Event.objects.filter(action=Action.ACCOUNT_USER_CHANGED).exists()
    set_superuser(actor=acting(ops), username="ada", is_superuser=True)
    ada.refresh_from_db()
    assert ada.is_superuser
    assert Event.objects.filter(action=Action.ACCOUNT_USER_CHANGED).count() == 1
