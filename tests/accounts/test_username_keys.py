"""No two accounts have usernames that a reader could confuse, not even when they are made at the same moment."""

from __future__ import annotations

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.models import User, UsernameKey

LATIN, CYRILLIC = "amanda", "\u0430manda"


def test_one_after_the_other(db: None) -> None:
    User.objects.create_user(LATIN)
    with pytest.raises(ValidationError, match="looks like that of another account: amanda"):
        User.objects.create_user(CYRILLIC)
    assert list(User.objects.filter(username__endswith="manda").values_list("username", flat=True)) == [LATIN]


def test_a_long_name_is_no_error(db: None) -> None:
    User.objects.create_user("\ufdfa" * 8)  # each is stored as eighteen letters
    assert UsernameKey.objects.count() == 1


def test_a_name_that_is_too_long_once_it_is_normalized_is_refused(db: None) -> None:
    with pytest.raises(ValidationError, match="162 characters after normalization"):
        User.objects.create_user("\ufdfa" * 9)
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once() -> None:
    gate, refused = threading.Barrier(2), list[str]()

    def create(name: str) -> None:
        try:
            gate.wait(60)
            User.objects.create_user(name)
        except ValidationError as error:
            refused.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=create, args=[name]) for name in (LATIN, CYRILLIC)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(refused) == 1
    assert "looks like that of another account" in refused[0]
    assert User.objects.filter(username__endswith="manda").count() == UsernameKey.objects.count() == 1
