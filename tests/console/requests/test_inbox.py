from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from registry.queries import current_card
from registry.services.cards import edit_card
from tests.approvals.conftest import NewVersion
from tests.conftest import Acting
from tests.console.conftest import Asked, SignedIn, text_of


def test_a_reviewer_sees_the_waiting_requests_and_their_number(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    request = asked(comment="Better on new accounts.")
    page = text_of(signed_in(bea).get("/admin/"))
    assert "1 request is waiting for you" in page
    assert f"/admin/approvals/transitionrequest/{request.pk}/change/" in page
    assert "Every check has passed" in page
    assert "Better on new accounts." in page


def test_the_requester_sees_an_own_request_and_not_a_waiting_one(asked: Asked, ada: User, signed_in: SignedIn) -> None:
    ada.groups.add(Group.objects.get(name="reviewers"))
    asked()
    page = text_of(signed_in(ada).get("/admin/"))
    assert "Nothing is waiting for you" in page
    assert "waits for reviewers" in page


def test_an_editor_of_the_card_is_not_asked(
    asked: Asked, bea: User, signed_in: SignedIn, new_version: NewVersion, acting: Acting
) -> None:
    version = new_version()
    number = current_card(version).number
    edit_card(actor=acting(bea), version=version, fields={"limitations": "Weak at night."}, expected_number=number)
    asked(version)
    assert "Nothing is waiting for you" in text_of(signed_in(bea).get("/admin/"))


def test_the_owner_of_a_service_account_is_not_asked_about_its_work(
    asked: Asked, ada: User, bea: User, signed_in: SignedIn, new_version: NewVersion
) -> None:
    version = new_version()
    User.objects.filter(pk=ada.pk).update(owner=bea)
    asked(version)
    assert "Nothing is waiting for you" in text_of(signed_in(bea).get("/admin/"))


def test_an_uninvolved_person_sees_no_request(asked: Asked, cy: User, signed_in: SignedIn) -> None:
    asked()
    page = text_of(signed_in(cy).get("/admin/"))
    assert "Nothing is waiting for you" in page
    assert "You have made no request yet" in page


def test_the_home_page_is_the_inbox(ada: User, signed_in: SignedIn) -> None:
    assert signed_in(ada).get("/").headers["Location"] == "/admin/"


def test_more_requests_cost_no_more_queries(
    asked: Asked, bea: User, signed_in: SignedIn, new_version: NewVersion
) -> None:
    client = signed_in(bea)
    asked()
    client.get("/admin/")
    with CaptureQueriesContext(connection) as first:
        client.get("/admin/")
    for _ in range(3):
        asked(new_version())
    with CaptureQueriesContext(connection) as more:
        client.get("/admin/")
    assert len(more) == len(first)


def test_an_empty_inbox_shows_the_first_steps(
    ada: User, signed_in: SignedIn, new_version: NewVersion, asked: Asked
) -> None:
    assert "First steps" in text_of(signed_in(ada).get("/admin/"))
    asked(new_version())
    assert "First steps" not in text_of(signed_in(ada).get("/admin/"))
