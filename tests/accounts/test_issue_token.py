"""API tokens: shown once, kept as a digest, scoped, expiring, revocable."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.authentication import actor_from_token
from accounts.models import ApiToken, User
from accounts.services import issue_token, revoke_token
from audit.models import Event
from core.actors import ALL_SCOPES, Actor, ActorKind, Scope, system_actor
from core.errors import InvalidInput, NotAuthenticated

ACTOR = system_actor("test")
DAY = timedelta(days=1)


def actor_of(secret: str) -> Actor:
    return actor_from_token(secret, request_id="r")


def test_the_secret_is_nowhere_in_the_database(ada: User) -> None:
    token, secret = issue_token(actor=ACTOR, user=ada, expires_in=DAY)
    assert secret not in str(ApiToken.objects.values().get(pk=token.pk))
    assert secret.encode() not in bytes(Event.objects.get().body)


def test_a_service_account_acts_while_its_owner_is_active(ada: User, bot: User) -> None:
    _, secret = issue_token(actor=ACTOR, user=bot, expires_in=DAY)
    assert actor_of(secret).name == "bot"
    User.objects.filter(pk=ada.pk).update(is_active=False)
    with pytest.raises(NotAuthenticated):
        actor_of(secret)
    User.objects.filter(pk=bot.pk).update(owner=User.objects.create_user("dee"))
    assert actor_of(secret).name == "bot"


def test_the_secret_proves_its_user_and_scopes(ada: User) -> None:
    _, secret = issue_token(actor=ACTOR, user=ada, scopes=["registry:read"], expires_in=DAY)
    actor = actor_of(secret)
    assert (actor.kind, actor.name, actor.auth, actor.scopes) == (
        ActorKind.USER,
        "ada",
        "token",
        frozenset({"registry:read"}),
    )


def test_without_a_choice_a_token_has_every_scope_but_that_of_provisioning(ada: User) -> None:
    _, secret = issue_token(actor=ACTOR, user=ada, expires_in=DAY)
    assert actor_of(secret).scopes == ALL_SCOPES - {Scope.ACCOUNTS_PROVISION}


def test_a_token_of_a_service_account_acts_as_one(bot: User) -> None:
    _, secret = issue_token(actor=ACTOR, user=bot, expires_in=DAY)
    assert actor_of(secret).kind == ActorKind.SERVICE


def test_it_ends_when_it_expires(ada: User) -> None:
    _, secret = issue_token(actor=ACTOR, user=ada, expires_in=DAY)
    with time_machine.travel(timezone.now() + DAY, tick=False), pytest.raises(NotAuthenticated):
        actor_of(secret)


def test_it_ends_when_it_is_revoked_and_that_is_said_once(ada: User) -> None:
    token, secret = issue_token(actor=ACTOR, user=ada, expires_in=DAY)
    revoke_token(actor=ACTOR, token=token)
    revoke_token(actor=ACTOR, token=token)
    with pytest.raises(NotAuthenticated):
        actor_of(secret)
    assert Event.objects.filter(action="account.token.revoked").count() == 1


def test_it_ends_with_its_user(ada: User) -> None:
    _, secret = issue_token(actor=ACTOR, user=ada, expires_in=DAY)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    with pytest.raises(NotAuthenticated):
        actor_of(secret)


@pytest.mark.parametrize("secret", ["", "cst_", "cst_unknown", "\ud800", "x" * 10_000])
def test_any_other_secret_is_refused(ada: User, secret: str) -> None:
    with pytest.raises(NotAuthenticated):
        actor_of(secret)


@pytest.mark.parametrize(
    ("scopes", "life"),
    [(["approve"], DAY), (None, timedelta(0)), (None, timedelta(days=-1)), (None, timedelta(days=366))],
)
def test_a_refused_token_is_not_kept(ada: User, scopes: list[str] | None, life: timedelta) -> None:
    with pytest.raises(InvalidInput):
        issue_token(actor=ACTOR, user=ada, scopes=scopes, expires_in=life)
    assert not ApiToken.objects.exists()
    assert not Event.objects.exists()
