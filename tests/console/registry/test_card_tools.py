"""Cards on the pages: by template, compared, exported, imported; and the packs of a version."""

from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from core.actors import Actor
from registry.models import CardRevision, FrozenPack
from registry.queries import current_card
from registry.services.cards import edit_card
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.console.conftest import SignedIn, text_of

CARD = "/models/fraud/versions/1/card/"


def test_the_completeness_by_a_template(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    client = signed_in(ada)
    assert "6 of 6, 100 %" in text_of(client.get(CARD))
    page = text_of(client.get(f"{CARD}?template=mrm"))
    assert "Required by SR 26-2, inventory." in page
    assert client.get(f"{CARD}?template=nonsense").status_code == 400


def test_the_form_shows_the_fields_of_the_template_first(
    new_version: NewVersion, ada: User, signed_in: SignedIn
) -> None:
    new_version()
    page = text_of(signed_in(ada).get(f"{CARD}edit/?template=part_11"))
    assert (
        page.index("Needed by the 21 CFR Part 11 / GxP template")
        < page.index('name="record_keeping"')
        < page.index('name="hardware"')
    )
    assert 'name="evaluation"' not in page


def test_lists_tables_and_choices_are_edited_as_text(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    version = new_version()
    sent = {"number": 2, "users": "Analysts\r\n\r\nManagers", "slices": "recall | new | 0.8", "risk_rating": "high"}
    signed_in(ada).post(f"{CARD}edit/", sent)
    body = current_card(version).body
    assert body["users"]["value"] == ["Analysts", "Managers"]
    assert body["slices"]["value"] == [{"metric": "recall", "slice": "new", "value": "0.8"}]
    assert body["limitations"]["value"] == "Written by somebody who knows."
    assert ">recall</td>" in text_of(signed_in(ada).get(CARD))


def test_an_invalid_row_is_reported_and_kept(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    answer = signed_in(ada).post(f"{CARD}edit/", {"number": 2, "fairness": "a|b|c|d|e", "misuse": "Kept."})
    assert answer.status_code == 400
    assert "Fairness: Line 1 has 5 cells" in text_of(answer)
    assert "Kept." in text_of(answer)
    assert CardRevision.objects.count() == 2


def test_two_versions_are_compared(new_version: NewVersion, ada: User, by_ada: Actor, signed_in: SignedIn) -> None:
    new_version()
    second = new_version()
    edit_card(actor=by_ada, version=second, fields={"limitations": "Written by nobody."}, expected_number=2)
    page = text_of(signed_in(ada).get("/models/fraud/versions/2/card/diff/?against=v1"))
    assert '<ins class="c-ins">nobody.</ins>' in page
    assert "the card of v1 (revision 2)" in page


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 200), ("against=r1", 200), ("against=r9", 404), ("against=v9", 404), ("against=x", 400), ("against=r", 400),
     ("revision=9", 404), (f"against=r{'9' * 30}", 400)],
)  # fmt: skip
def test_the_choices_of_a_comparison(
    query: str, status: int, new_version: NewVersion, ada: User, signed_in: SignedIn
) -> None:
    new_version()
    assert signed_in(ada).get(f"{CARD}diff/?{query}").status_code == status


def test_the_print_page_is_shown_and_other_formats_are_downloads(
    new_version: NewVersion, ada: User, signed_in: SignedIn
) -> None:
    new_version()
    client = signed_in(ada)
    shown, file = client.get(f"{CARD}export/html/"), client.get(f"{CARD}export/hf/?revision=2")
    assert (shown["Content-Disposition"].split(";")[0], file["Content-Disposition"].split(";")[0]) == (
        "inline",
        "attachment",
    )
    assert "@media print" in text_of(shown)
    assert client.get(f"{CARD}export/pdf/").status_code == 404
    assert client.post(f"{CARD}export/hf/").status_code == 405


def test_a_pasted_card_is_imported(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    version = new_version()
    sent = {"number": 2, "format": "hf", "content": "## Limitations\n\nFrom elsewhere.\n\n## Fun facts\n\nMany.\n"}
    page = text_of(signed_in(ada).post(f"{CARD}import/", sent, follow=True))
    assert current_card(version).body["limitations"]["source"] == "imported"
    assert "Imported: Limitations." in page
    assert "section “Fun facts”" in page
    assert "imported from a Hugging Face card" in page


def test_an_uploaded_card_is_imported(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    version = new_version()
    file = SimpleUploadedFile("card.json", b'{"considerations": {"limitations": [{"description": "Few."}]}}')
    signed_in(ada).post(f"{CARD}import/", {"number": 2, "format": "mct", "file": file})
    assert current_card(version).body["limitations"]["value"] == "Few."


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"format": "hf"}, "Choose a file or paste the text of the card."),
        ({"format": "hf", "content": "<html>"}, "HTML page"),
        ({"format": "hf", "content": "## Limitations\n\n<script>"}, "active HTML"),
        ({"format": "mct", "content": "{"}, "not valid JSON"),
        ({"format": "hf", "content": "## Limitations\n\nx.", "number": 1}, "revision 2"),
        ({"format": "pdf", "content": "x"}, "Select a valid choice"),
    ],
)
def test_a_card_that_cannot_be_imported_changes_nothing(
    sent: dict[str, object], words: str, new_version: NewVersion, ada: User, signed_in: SignedIn
) -> None:
    new_version()
    answer = signed_in(ada).post(f"{CARD}import/", {"number": 2} | sent)
    assert (answer.status_code, CardRevision.objects.count()) == (400, 2)
    assert words in text_of(answer)


def test_a_huge_upload_is_refused(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    file = SimpleUploadedFile("README.md", b"x" * 1_500_000)
    answer = signed_in(ada).post(f"{CARD}import/", {"number": 2, "format": "hf", "file": file})
    assert (answer.status_code, CardRevision.objects.count()) == (400, 2)
    assert "at most 1000000 bytes" in text_of(answer)


def test_a_reader_cannot_import_a_card(
    settings: Settings, new_version: NewVersion, cy: User, signed_in: SignedIn
) -> None:
    new_version()
    settings.DEFAULT_MODEL_LEVEL = "read"
    client = signed_in(cy)
    assert "card/import/" not in text_of(client.get(CARD))
    sent = {"number": 2, "format": "hf", "content": "## Limitations\n\nMine.\n"}
    assert client.post(f"{CARD}import/", sent).status_code == 403
    assert CardRevision.objects.count() == 2


def test_a_pack_is_on_the_version_page(
    settings: Settings, new_version: NewVersion, ada: User, by_ada: Actor, signed_in: SignedIn
) -> None:
    version, client = new_version(), signed_in(ada)
    settings.TRANSITION_GATES = []
    change_stage(actor=by_ada, version=version, target=Stage.PRODUCTION, archive_existing=False, reason="go")
    assert "in preparation" in text_of(client.get("/models/fraud/versions/1/"))
    assert client.get("/models/fraud/versions/1/packs/1/").status_code == 404
    tasks.freeze_packs()
    assert 'href="/models/fraud/versions/1/packs/1/"' in text_of(client.get("/models/fraud/versions/1/"))
    answer = client.get("/models/fraud/versions/1/packs/1/")
    data = io.BytesIO(b"".join(answer.streaming_content))  # type: ignore[attr-defined]  # a FileResponse
    assert data.getbuffer().nbytes == FrozenPack.objects.get().size


def test_a_longer_history_costs_no_more_queries(
    new_version: NewVersion, ada: User, by_ada: Actor, signed_in: SignedIn
) -> None:
    version, client = new_version(), signed_in(ada)
    with CaptureQueriesContext(connection) as before:
        client.get(CARD)
    for number in range(2, 8):
        edit_card(actor=by_ada, version=version, fields={"misuse": f"Way {number}."}, expected_number=number)
    with CaptureQueriesContext(connection) as after:
        assert "Revision 8" in text_of(client.get(CARD))
    assert len(after) == len(before)
