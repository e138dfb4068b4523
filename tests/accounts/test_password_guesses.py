"""Guesses of a signed-in person's password are limited however many come at the same time, and in every service."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts.administration import set_password
from accounts.models import User
from accounts.reauthentication import MAX_FAILURES, reauthenticate
from core.errors import Denied
from tests.conftest import Acting


@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_do_not_pass_the_limit(ada: User, acting: Acting) -> None:
    actor = acting(ada)

    def guess(number: int) -> str:
        try:
            if number % 2:
                reauthenticate(actor=actor, password="wrong")
            else:
                set_password(actor=actor, username="ada", password="another-word-9", current="wrong")
        except Denied as error:
            return error.message
        finally:
            connection.close()
        return "right"

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(guess, range(24)))
    assert answers.count("Wrong password.") == MAX_FAILURES
    assert "right" not in answers
    with pytest.raises(Denied, match="Too many"):
        reauthenticate(actor=actor, password="ada-password-1")
    assert User.objects.get(pk=ada.pk).check_password("ada-password-1")


@pytest.mark.django_db(transaction=True)
def test_no_password_is_checked_in_a_transaction(ada: User, acting: Acting) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        reauthenticate(actor=acting(ada), password="wrong")
