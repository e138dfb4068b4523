"""Who stands behind an account is told for good: by its name, which stays, and by everybody who ever owned it."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import Error, connection, transaction

from accounts.models import FormerOwner, User
from accounts.owners import owners_of


def test_a_username_stays_whoever_writes(ada: User) -> None:
    with pytest.raises(Error, match="keeps its username"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_user SET username = 'mallory' WHERE username = 'ada'")
    assert User.objects.filter(username="ada").exists()


def test_other_fields_change(ada: User) -> None:
    ada.first_name = "Ada"
    ada.save()
    assert User.objects.get(username="ada").first_name == "Ada"


def test_owners_are_remembered_once_each(ada: User, bea: User, cy: User, bot: User) -> None:
    for owner in (cy, ada, cy, bea):
        User.objects.filter(pk=bot.pk).update(owner=owner)
    assert owners_of(["bot", "ada"]) == {"bot": frozenset({"ada", "cy", "bea"})}
    assert FormerOwner.objects.count() == 2


def test_an_account_that_has_no_owner_any_more_had_one(ada: User, bot: User) -> None:
    User.objects.filter(pk=bot.pk).update(owner=None, is_service=False)
    assert owners_of(["bot"]) == {"bot": frozenset({"ada"})}


def test_somebody_must_stand_behind_a_service_account(ada: User, bot: User) -> None:
    robot = User.objects.create_user("robot", is_service=True, owner=ada)
    for owner in (None, bot, robot):
        robot.owner = owner
        with pytest.raises(ValidationError, match="needs a person as its owner"):
            robot.full_clean()


def test_who_owns_accounts_does_not_become_one(ada: User, bot: User, cy: User) -> None:
    ada.is_service, ada.owner = True, cy
    with pytest.raises(ValidationError, match="owns service accounts"):
        ada.full_clean()
