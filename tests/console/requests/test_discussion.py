import pytest
from django.db import Error, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from approvals.models import ApprovalComment
from approvals.requests.audience import mentioned_names
from approvals.requests.comments import add_comment
from core.actors import Actor
from tests.approvals.conftest import NewVersion
from tests.console.conftest import Asked, SignedIn, text_of


def test_a_comment_is_added_answered_edited_and_deleted(
    asked: Asked, bea: User, ada: User, signed_in: SignedIn
) -> None:
    request, client = asked(), signed_in(bea)
    url = f"/requests/{request.pk}/comments/"
    assert client.post(url, {"text": "What of nights?"}).headers["Location"].endswith("#discussion")
    first = ApprovalComment.objects.get()
    signed_in(ada).post(url, {"text": "<script>x</script>**Fine.**", "reply_to": first.pk})
    answer = ApprovalComment.objects.latest("pk")
    signed_in(ada).post(url, {"text": "And days.", "reply_to": answer.pk})
    assert set(ApprovalComment.objects.exclude(pk=first.pk).values_list("reply_to", flat=True)) == {first.pk}
    client.post(f"{url}{first.pk}/edit/", {"text": "What of nights and days?"})
    client.post(f"{url}{first.pk}/delete/")
    page = text_of(client.get(f"/admin/approvals/transitionrequest/{request.pk}/change/"))
    assert "This comment was deleted." in page
    assert "<strong>Fine.</strong>" in page
    assert "<script>x" not in page


@pytest.mark.parametrize("data", [{"text": ""}, {"text": "Yes.", "reply_to": "77"}, {"text": "Yes.", "reply_to": "x"}])
def test_an_invalid_comment_is_refused(data: dict[str, str], asked: Asked, bea: User, signed_in: SignedIn) -> None:
    answer = signed_in(bea).post(f"/requests/{asked().pk}/comments/", data)
    assert answer.status_code in (400, 404)
    assert not ApprovalComment.objects.exists()


def test_comments_of_others_cannot_be_changed(asked: Asked, by_ada: Actor, bea: User, signed_in: SignedIn) -> None:
    request = asked()
    row = add_comment(actor=by_ada, name="fraud", version=1, text="Mine.")
    for verb in ("edit", "delete"):
        answer = signed_in(bea).post(f"/requests/{request.pk}/comments/{row.pk}/{verb}/", {"text": "Yours."})
        assert answer.status_code == 403
    row.refresh_from_db()
    assert (row.text, row.deleted_at) == ("Mine.", None)


def test_commenting_needs_the_csrf_token(asked: Asked, bea: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bea)
    assert client.post(f"/requests/{asked().pk}/comments/", {"text": "Yes."}).status_code == 403
    assert not ApprovalComment.objects.exists()


def test_the_database_keeps_threads_on_one_version(
    asked: Asked, by_ada: Actor, ada: User, new_version: NewVersion
) -> None:
    asked()
    first = add_comment(actor=by_ada, name="fraud", version=1, text="Here.")
    other = new_version()
    with pytest.raises(Error), transaction.atomic():
        ApprovalComment.objects.create(
            version=other, author=ada, text="There.", reply_to=first, created_at=timezone.now()
        )
    assert ApprovalComment.objects.count() == 1


def test_more_comments_cost_no_more_queries(asked: Asked, by_ada: Actor, bea: User, signed_in: SignedIn) -> None:
    url = f"/admin/approvals/transitionrequest/{asked().pk}/change/"
    client = signed_in(bea)
    first = add_comment(actor=by_ada, name="fraud", version=1, text="One.")
    client.get(url)
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    for number in range(4):
        add_comment(actor=by_ada, name="fraud", version=1, text=f"{number}.", reply_to=first.pk if number % 2 else None)
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) == len(few)


def test_mentions_are_recognised() -> None:
    assert mentioned_names("@cy, see @bea.k. Not a@b.org nor ``@``; @cy again") == ["cy", "bea.k"]
    assert len(mentioned_names(" ".join(f"@n{n}" for n in range(99)))) == 20
