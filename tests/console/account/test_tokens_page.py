import re

import pytest

from accounts.models import ApiToken, User
from tests.console.conftest import SignedIn, text_of

FORM = {"label": "render-farm", "days": "7", "scopes": ["registry:read"]}


def test_a_token_is_shown_once_and_works(ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    page = text_of(client.post("/account/tokens/", FORM))
    secret = re.search(r'id="secret">(cst_[^<]+)<', page)
    assert secret is not None
    assert secret[1] not in text_of(client.get("/account/tokens/"))
    assert ApiToken.objects.get().scopes == ["registry:read"]


@pytest.mark.parametrize("change", [{"days": "4000"}, {"scopes": ["all"]}, {"label": ""}, {"label": "x" * 101}])
def test_an_invalid_form_issues_no_token(change: dict[str, object], ada: User, signed_in: SignedIn) -> None:
    assert 'role="alert"' in text_of(signed_in(ada).post("/account/tokens/", FORM | change))
    assert not ApiToken.objects.exists()


def test_a_token_is_revoked_by_its_owner(ada: User, signed_in: SignedIn) -> None:
    signed_in(ada).post("/account/tokens/", FORM)
    signed_in(ada).post(f"/account/tokens/{ApiToken.objects.get().pk}/revoke/")
    assert ApiToken.objects.get().revoked_at


def test_nobody_else_sees_or_revokes_it(ada: User, ops: User, signed_in: SignedIn) -> None:
    signed_in(ada).post("/account/tokens/", FORM)
    assert "render-farm" not in text_of(signed_in(ops).get("/account/tokens/"))
    assert signed_in(ops).post(f"/account/tokens/{ApiToken.objects.get().pk}/revoke/").status_code == 404
    assert ApiToken.objects.get().revoked_at is None


def test_a_get_revokes_nothing(ada: User, signed_in: SignedIn) -> None:
    signed_in(ada).post("/account/tokens/", FORM)
    assert signed_in(ada).get(f"/account/tokens/{ApiToken.objects.get().pk}/revoke/").status_code == 405
    assert ApiToken.objects.get().revoked_at is None
