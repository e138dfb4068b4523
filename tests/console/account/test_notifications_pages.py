from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from notices.models import ChatAddress, Notice, Preference
from tests.approvals.conftest import NewVersion
from tests.console.conftest import Asked, SignedIn, text_of

URL = "/notifications/"
SETTINGS = "/account/notifications/"


def test_a_notification_leads_to_its_request_and_is_read(bea: User, asked: Asked, signed_in: SignedIn) -> None:
    request, client = asked(), signed_in(bea)
    notice = Notice.objects.get(person=bea)
    assert "1 unread notification" in text_of(client.get(URL))
    assert client.get(f"{URL}{notice.pk}/open/").status_code == 405
    answer = client.post(f"{URL}{notice.pk}/open/")
    assert answer.headers["Location"] == f"/admin/approvals/transitionrequest/{request.pk}/change/"
    assert "No unread notifications" in text_of(client.get(URL))


def test_notifications_of_others_are_not_found(bea: User, cy: User, asked: Asked, signed_in: SignedIn) -> None:
    asked()
    notice = Notice.objects.get(person=bea)
    assert signed_in(cy).post(f"{URL}{notice.pk}/open/").status_code == 404
    assert "ada asks" not in text_of(signed_in(cy).get(URL))
    notice.refresh_from_db()
    assert notice.read_at is None


def test_all_are_marked_as_read(bea: User, asked: Asked, new_version: NewVersion, signed_in: SignedIn) -> None:
    asked()
    asked(new_version())
    signed_in(bea).post(f"{URL}read/")
    assert not Notice.objects.filter(person=bea, read_at__isnull=True).exists()


def test_notification_settings_are_saved(bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    client.post(SETTINGS, {"wanted": ["decision/email", "mention/inbox"]})
    page = text_of(client.get(SETTINGS))
    assert 'value="decision/email" checked' in page
    assert 'value="decision/inbox" checked' not in page
    before = Preference.objects.count()
    assert client.post(SETTINGS, {"wanted": ["decision/pigeon"]}).status_code == 400
    assert Preference.objects.count() == before


def test_a_chat_address_is_checked_and_never_shown(bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    inside = client.post(f"{SETTINGS}chat/", {"form": "slack", "url": "https://10.0.0.1/hook"})
    assert "not public" in text_of(inside)
    assert not ChatAddress.objects.exists()
    client.post(f"{SETTINGS}chat/", {"form": "slack", "url": "https://hooks.example.org/secret"})
    page = text_of(client.get(SETTINGS))
    assert "hooks.example.org" in page
    assert "secret" not in page
    client.post(f"{SETTINGS}chat/", {"remove": "1"})
    assert not ChatAddress.objects.exists()


def test_more_notifications_cost_no_more_queries(
    bea: User, asked: Asked, new_version: NewVersion, signed_in: SignedIn
) -> None:
    client = signed_in(bea)
    asked()
    client.get(URL)
    with CaptureQueriesContext(connection) as first:
        client.get(URL)
    asked(new_version())
    with CaptureQueriesContext(connection) as more:
        client.get(URL)
    assert len(more) == len(first)
