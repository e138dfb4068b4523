import io
import json
import re
import zipfile

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from audit.exports.jobs import build_export
from audit.models import Event, ExportJob, ExportState
from audit.transparency.sequencer import Sequencer
from console.audit.presenters.values import brief_of, value_text
from tests.approvals.conftest import NewVersion
from tests.console.conftest import Asked, SignedIn, text_of
from tests.console.requests.test_request_page import url_of


def test_the_whole_log_is_for_auditors(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    assert "Choose a model" in text_of(signed_in(cy).get("/audit/"))
    cy.groups.add(Group.objects.get_or_create(name="auditors")[0])
    assert "registered " in text_of(signed_in(cy).get("/audit/"))


def test_the_log_of_a_model_can_be_narrowed(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    page = text_of(signed_in(cy).get("/audit/", {"model": "fraud", "action": "registry.version.created"}))
    assert page.count('<td data-label="When"') == 1
    assert "No event matches" in text_of(signed_in(cy).get("/audit/", {"model": "fraud", "who": "nobody"}))


def test_the_log_of_a_hidden_model_is_not_found(
    new_version: NewVersion, cy: User, signed_in: SignedIn, settings: object
) -> None:
    new_version()
    settings.DEFAULT_MODEL_LEVEL = ""  # type: ignore[attr-defined]  # pytest-django's takes any name
    assert signed_in(cy).get("/audit/", {"model": "fraud"}).status_code == 404
    assert signed_in(cy).post("/audit/export/?model=fraud").status_code == 404
    assert not ExportJob.objects.exists()


def test_an_export_is_made_by_a_worker_and_fetched(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    client = signed_in(cy)
    answer = client.post("/audit/export/?model=fraud")
    job = ExportJob.objects.get()
    url = answer.headers["Location"]
    assert url == f"/audit/exports/{job.pk}/"
    assert "waiting for a worker" in text_of(client.get(url))
    assert 'hx-trigger="every 1s"' in text_of(client.get(f"{url}live/"))
    assert client.get(f"{url}file/").status_code == 409
    build_export(job.pk)
    page = text_of(client.get(f"{url}live/"))
    assert ("Download the export" in page, "hx-trigger" in page) == (True, False)
    package = zipfile.ZipFile(io.BytesIO(client.get(f"{url}file/").getvalue()))
    claim = json.loads(package.read("manifest.json"))["claim"]
    assert claim["events"] == Event.objects.filter(stream=claim["stream"]).count()
    assert Event.objects.latest("id").action == "audit.exported"
    assert url in text_of(client.get("/audit/"))


def test_an_export_that_failed_says_why(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    url = signed_in(cy).post("/audit/export/?model=fraud").headers["Location"]
    ExportJob.objects.update(state=ExportState.FAILED, error="The disk is full.")
    assert "The disk is full." in text_of(signed_in(cy).get(url))
    assert signed_in(cy).get(f"{url}file/").status_code == 409


def test_the_export_of_somebody_else_is_not_there(
    new_version: NewVersion, cy: User, bea: User, signed_in: SignedIn
) -> None:
    new_version()
    url = signed_in(cy).post("/audit/export/?model=fraud").headers["Location"]
    build_export(ExportJob.objects.get().pk)
    assert [signed_in(bea).get(url + part).status_code for part in ("", "live/", "file/")] == [404, 404, 404]
    assert url not in text_of(signed_in(bea).get("/audit/"))


def test_dates_and_groups_narrow_the_log(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    client, today = signed_in(cy), timezone.now().date()
    row = '<td data-label="When"'
    assert row in text_of(client.get("/audit/", {"model": "fraud", "since": str(today), "until": str(today)}))
    assert row not in text_of(client.get("/audit/", {"model": "fraud", "until": "2020-01-01"}))
    assert row in text_of(client.get("/audit/", {"model": "fraud", "group": "models"}))
    assert row not in text_of(client.get("/audit/", {"model": "fraud", "group": "exceptions"}))


@pytest.mark.parametrize("query", [{"since": "yesterday"}, {"until": "2026-13-01"}, {"group": "all"}])
def test_an_invalid_filter_is_refused(
    new_version: NewVersion, cy: User, signed_in: SignedIn, query: dict[str, str]
) -> None:
    new_version()
    assert signed_in(cy).get("/audit/", {"model": "fraud"} | query).status_code == 400


def test_the_filtered_events_can_be_exported(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    url = signed_in(cy).post("/audit/export/?model=fraud&action=registry.version.created").headers["Location"]
    build_export(ExportJob.objects.get().pk)
    package = io.BytesIO(signed_in(cy).get(f"{url}file/").getvalue())
    manifest = json.loads(zipfile.ZipFile(package).read("manifest.json"))
    assert (manifest["claim"]["events"], manifest["claim"]["kind"]) == (1, "selection")
    assert signed_in(cy).post("/audit/export/").status_code == 403


def test_an_event_has_a_page_with_its_proof(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    event = Event.objects.filter(stream__startswith="model:").latest("id")
    client, url = signed_in(cy), f"/audit/events/{event.event_id}/"
    assert "not yet" in text_of(client.get(url))
    assert client.get(f"{url}proof").status_code == 404
    Sequencer().run_once()
    assert "Download the proof" in text_of(client.get(url))
    assert client.get(f"{url}proof").content.startswith(b"c2sp.org/tlog-proof@v1\nindex ")


def test_a_hidden_event_is_not_found(
    new_version: NewVersion, cy: User, ops: User, signed_in: SignedIn, settings: Settings
) -> None:
    new_version()
    event = Event.objects.filter(stream="").latest("id")
    assert signed_in(cy).get(f"/audit/events/{event.event_id}/").status_code == 404
    assert signed_in(ops).get(f"/audit/events/{event.event_id}/").status_code == 200
    settings.DEFAULT_MODEL_LEVEL = ""
    event = Event.objects.filter(stream__startswith="model:").latest("id")
    assert signed_in(cy).get(f"/audit/events/{event.event_id}/").status_code == 404


def test_the_page_says_when_the_log_is_not_signed(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    assert "not being signed" in text_of(signed_in(cy).get("/audit/"))
    Sequencer().run_once()
    assert "are signed" in text_of(signed_in(cy).get("/audit/"))


def test_a_get_does_not_export(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    client, before = signed_in(cy), Event.objects.count()
    assert client.get("/audit/export/?model=fraud").status_code == 405
    assert Event.objects.count() == before


def test_an_unknown_cursor_is_refused(cy: User, signed_in: SignedIn, new_version: NewVersion) -> None:
    new_version()
    assert signed_in(cy).get("/audit/", {"model": "fraud", "cursor": "zz"}).status_code == 400


def test_the_event_of_a_check_names_its_rule_and_outcome(
    new_version: NewVersion, asked: Asked, ada: User, signed_in: SignedIn
) -> None:
    request = asked(new_version(card=False))
    page = text_of(signed_in(ada).get("/audit/", {"model": "fraud", "action": "approvals.check.finished"}))
    assert "<strong>digest passed</strong>" in page
    assert "<strong>card failed</strong>" in page
    assert page.count("Failed</span>") == 1
    trail = text_of(signed_in(ada).get(url_of(request))).partition("History")[2]
    assert re.search(r"<strong>[^<]*card failed[^<]*</strong>", trail)


def test_the_filter_lists_actions_as_phrases(cy: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(cy).get("/audit/", {"action": "registry.version.created"}))
    assert '<option value="registry.version.created" selected>registered …</option>' in page


def test_a_reader_without_the_whole_log_chooses_a_model(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    assert '<a class="c-btn is-small" href="/audit/?model=fraud">fraud</a>' in text_of(signed_in(cy).get("/audit/"))


@pytest.mark.parametrize(
    ("action", "before", "after", "brief"),
    [
        ("registry.stage.changed", {"stage": ""}, {"stage": "Staging"}, "None → Staging"),
        ("registry.model_tag.set", {}, {"owner": "risk"}, "owner = risk"),
        ("approvals.request.changed", {"policy": "a r1"}, {"policy": "a r2"}, "a r1 → a r2"),
        ("approvals.review.given", {}, {"decision": "approve"}, "approve"),
        ("approvals.finding.opened", {}, {"title": "x" * 99}, "x" * 79 + "…"),
        ("registry.pack.frozen", {}, {"bytes": 3}, ""),
    ],
)
def test_the_brief_of_an_event(action: str, before: dict[str, object], after: dict[str, object], brief: str) -> None:
    assert brief_of(action, before, after) == brief


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("expires_at", "2026-12-10T03:07:05.006149Z", "2026-12-10 03:07:05 UTC"),
        ("end_ms", 1795661633716, "2026-11-26 02:53:53 UTC"),
        ("name", "0123456789T but no time", "0123456789T but no time"),
        ("changed", ["limits", "use"], "limits, use"),
        ("is_current", False, "no"),
        ("card", {"number": 2}, '{"number":2}'),
        ("gone", None, ""),
    ],
)
def test_values_are_formatted_as_text(key: str, value: object, text: str) -> None:
    assert value_text(key, value) == text
