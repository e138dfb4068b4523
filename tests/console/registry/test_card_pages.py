from accounts.models import User
from core.actors import Actor
from registry.cards import HUMAN_KEYS
from registry.models import CardRevision
from registry.queries import current_card
from registry.services.cards import edit_card
from tests.approvals.conftest import NewVersion
from tests.console.conftest import SignedIn, text_of

CARD = "/models/fraud/versions/1/card/"


def test_each_field_names_its_source(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    page = text_of(signed_in(ada).get(CARD))
    assert "written by ada" in page
    assert "from run 00000000" in page


def test_missing_fields_are_marked(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version(card=False)
    assert text_of(signed_in(ada).get(CARD)).count("edit_note</span>missing") == len(HUMAN_KEYS)


def test_editing_writes_a_revision(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    version = new_version(card=False)
    signed_in(ada).post(f"{CARD}edit/", {"number": 1, "limitations": "Weak **at night**."})
    assert current_card(version).body["limitations"]["value"] == "Weak **at night**."
    assert "<strong>at night</strong>" in text_of(signed_in(ada).get(CARD))


def test_an_edit_of_an_old_revision_is_not_lost_nor_written(
    new_version: NewVersion, ada: User, by_ada: Actor, signed_in: SignedIn
) -> None:
    version = new_version(card=False)
    edit_card(actor=by_ada, version=version, fields={"limitations": "Theirs."}, expected_number=1)
    answer = signed_in(ada).post(f"{CARD}edit/", {"number": 1, "limitations": "Mine."})
    assert answer.status_code == 400
    assert "Mine." in text_of(answer)
    assert CardRevision.objects.count() == 2


def test_a_revision_shows_what_it_changed(
    new_version: NewVersion, ada: User, by_ada: Actor, signed_in: SignedIn
) -> None:
    version = new_version(card=False)
    edit_card(actor=by_ada, version=version, fields={"limitations": "Weak at night."}, expected_number=1)
    edit_card(actor=by_ada, version=version, fields={"limitations": "Weak at dawn."}, expected_number=2)
    page = text_of(signed_in(ada).get(f"{CARD}revisions/3/"))
    assert '<del class="c-del">night.</del>' in page
    assert '<ins class="c-ins">dawn.</ins>' in page
    assert signed_in(ada).get(f"{CARD}revisions/9/").status_code == 404


def test_html_in_a_card_is_text(new_version: NewVersion, ada: User, by_ada: Actor, signed_in: SignedIn) -> None:
    version = new_version(card=False)
    words = "<img src=x onerror=alert(1)> ![x](http://evil/x.png)"
    edit_card(actor=by_ada, version=version, fields={"limitations": words}, expected_number=1)
    page = text_of(signed_in(ada).get(CARD))
    assert "<img" not in page.partition("content-main")[2]
