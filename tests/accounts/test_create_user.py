"""Creating people and service accounts."""

import pytest

from accounts.models import User
from accounts.services import create_user
from audit.models import Event
from audit.queries import facts
from core.actors import system_actor
from core.errors import AlreadyExists, DomainError, InvalidInput

ACTOR = system_actor("test")


def test_a_person_gets_groups_and_a_password_and_leaves_an_event(db: None) -> None:
    user = create_user(actor=ACTOR, username="dee", password="quite-a-long-one", groups=["reviewers"])
    assert user.check_password("quite-a-long-one")
    assert [group.name for group in user.groups.all()] == ["reviewers"]
    event = Event.objects.get()
    assert (event.action, facts(event)["object"]) == ("account.user.created", "user:dee")
    assert b"quite-a-long-one" not in bytes(event.body)


def test_the_event_has_the_name_that_is_stored(db: None) -> None:
    assert create_user(actor=ACTOR, username="\uff44ee").username == "dee"
    assert facts(Event.objects.get())["object"] == "user:dee"


def test_without_a_password_nobody_signs_in(db: None) -> None:
    assert not create_user(actor=ACTOR, username="dee").has_usable_password()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"username": "ADA"}, AlreadyExists),
        ({"username": "\u0430da"}, InvalidInput),  # a Cyrillic letter
        ({"username": "a\u217ea"}, AlreadyExists),  # a Roman numeral, which is stored as a d
        ({"username": ""}, InvalidInput),
        ({"username": "two words"}, InvalidInput),
        ({"username": "x" * 151}, InvalidInput),
        ({"username": "\ufb03" * 51}, InvalidInput),  # each is stored as three letters
        ({"username": "\ufdfa"}, InvalidInput),  # is stored with spaces
        ({"groups": ["no-such-group"]}, InvalidInput),
        ({"password": "short"}, InvalidInput),
        ({"password": "password123"}, InvalidInput),
        ({"is_service": True}, InvalidInput),
    ],
)
def test_a_refusal_changes_nothing(ada: User, wrong: dict[str, object], error: type[DomainError]) -> None:
    with pytest.raises(error):
        create_user(**{"actor": ACTOR, "username": "dee"} | wrong)  # type: ignore[arg-type]  # what a careless caller sends
    assert User.objects.count() == 1
    assert not Event.objects.exists()


def test_a_service_account_cannot_own_another(bot: User) -> None:
    with pytest.raises(InvalidInput, match="needs a person"):
        create_user(actor=ACTOR, username="bot2", is_service=True, owner=bot)
