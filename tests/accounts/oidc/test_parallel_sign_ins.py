"""Two first sign-ins of one person at the same moment make one account, and both come in."""

from __future__ import annotations

import pytest
from allauth.socialaccount.models import SocialAccount

from accounts.models import User
from accounts.oidc import sign_in
from accounts.oidc.configuration import IdentityProvider, SignUp
from accounts.oidc.sign_in import account_of, linked_account
from accounts.oidc.tokens import Identity


@pytest.mark.django_db
def test_the_second_of_two_first_sign_ins_comes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = IdentityProvider(
        id="corp",
        name="Corp",
        url="https://id.example",
        client_id="custody",
        client_secret="hush",
        sign_up=SignUp.FIRST,
    )
    identity = Identity(provider, "subject-1", {"preferred_username": "dora"})
    other = account_of(identity, request_id="")
    looks: list[Identity] = []

    def look(identity: Identity) -> User | None:
        """The first look is before the other sign-in has committed, the next ones are after it."""
        looks.append(identity)
        return linked_account(identity) if len(looks) > 1 else None

    monkeypatch.setattr(sign_in, "linked_account", look)
    assert account_of(identity, request_id="") == other == User.objects.get()
    assert len(looks) == 2
    assert SocialAccount.objects.count() == 1
