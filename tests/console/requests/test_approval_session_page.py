"""Starting an approval session on the page, and using it at the other doors."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import ApprovalSession, User
from accounts.services import issue_token
from audit.actions import Action
from audit.models import Event
from tests.conftest import Acting
from tests.console.conftest import Asked, SignedIn, text_of

PAGE = "/account/approval-session/"
AN_HOUR = timedelta(hours=1)


def started(client: Client) -> str:
    found = re.search(r'id="secret">(csa_[^<]+)<', text_of(client.post(PAGE, {"password": "bea-password-1"})))
    assert found is not None
    return found[1]


def test_the_secret_is_shown_once_and_the_tokens_page_leads_there(bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    assert f'action="{PAGE}"' in text_of(client.get("/account/tokens/"))
    secret = started(client)
    page = text_of(client.get(PAGE))
    assert secret not in page
    assert secret[:10] in page


@pytest.mark.parametrize("password", ["wrong", "", "\x00", "bea-password-1 "])
def test_a_wrong_password_starts_nothing(password: str, bea: User, signed_in: SignedIn) -> None:
    assert 'role="alert"' in text_of(signed_in(bea).post(PAGE, {"password": password}))
    assert not ApprovalSession.objects.exists()


def test_a_wrong_password_is_recorded_without_it(bea: User, signed_in: SignedIn) -> None:
    signed_in(bea).post(PAGE, {"password": "not-mine-at-all"})
    event = Event.objects.get(action=Action.ACCOUNT_APPROVAL_SESSION_STARTED)
    assert event.outcome == "denied"
    assert b"not-mine-at-all" not in bytes(event.body)


def test_neither_secret_opens_a_page(bea: User, signed_in: SignedIn, acting: Acting) -> None:
    token = issue_token(actor=acting(bea), user=bea, expires_in=AN_HOUR)[1]
    for secret in (token, started(signed_in(bea))):
        answer = Client(headers={"Authorization": f"Bearer {secret}"}).post(PAGE, {"password": "bea-password-1"})
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")
    assert ApprovalSession.objects.count() == 1


def test_a_token_beside_a_cookie_starts_nothing(bea: User, signed_in: SignedIn, acting: Acting) -> None:
    token = issue_token(actor=acting(bea), user=bea, expires_in=AN_HOUR)[1]
    header = {"Authorization": f"Bearer {token}"}
    answer = signed_in(bea).post(PAGE, {"password": "bea-password-1"}, headers=header)
    assert "Only a person who is signed in on the pages" in text_of(answer)
    assert not ApprovalSession.objects.exists()


def test_a_session_is_ended(bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    secret = started(client)
    assert client.get(f"{PAGE}end/").status_code == 405
    client.post(f"{PAGE}end/")
    assert Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/models").status_code == 401


def test_rest_accepts_a_review_from_a_session_and_not_from_a_token(
    bea: User, signed_in: SignedIn, acting: Acting, asked: Asked
) -> None:
    request = asked()
    said = {"decision": "approve", "comment": "Compared.", "seen_digest": request.subject_digest}
    token = issue_token(actor=acting(bea), user=bea, expires_in=AN_HOUR)[1]
    answers = []
    for secret in (token, started(signed_in(bea))):
        client = Client(headers={"Authorization": f"Bearer {secret}"})
        path = f"/api/v1/transition-requests/{request.pk}/reviews"
        answers.append(client.post(path, said, content_type="application/json").status_code)
    assert answers == [403, 201]
