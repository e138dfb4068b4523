import io
import json
import re
import zipfile

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from audit.models import Event
from console.audit.presenters.values import brief_of, value_words
from tests.approvals.conftest import NewVersion
from tests.console.conftest import Asked, SignedIn, text_of
from tests.console.test_request_page import url_of


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


def test_a_model_out_of_sight_has_no_log(
    new_version: NewVersion, cy: User, signed_in: SignedIn, settings: object
) -> None:
    new_version()
    settings.DEFAULT_MODEL_LEVEL = ""  # type: ignore[attr-defined]  # pytest-django's takes any name
    assert signed_in(cy).get("/audit/", {"model": "fraud"}).status_code == 404
    assert signed_in(cy).post("/audit/export/fraud/").status_code == 404


def test_evidence_is_taken_home_and_that_is_an_event(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    answer = signed_in(cy).post("/audit/export/fraud/")
    package = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    manifest = json.loads(package.read("manifest.json"))
    assert manifest["events"] == Event.objects.filter(stream=manifest["stream"]).count()
    assert Event.objects.latest("id").action == "audit.exported"


def test_looking_does_not_export(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    client, before = signed_in(cy), Event.objects.count()
    assert client.get("/audit/export/fraud/").status_code == 405
    assert Event.objects.count() == before


def test_a_cursor_nobody_gave_is_refused(cy: User, signed_in: SignedIn, new_version: NewVersion) -> None:
    new_version()
    assert signed_in(cy).get("/audit/", {"model": "fraud", "cursor": "zz"}).status_code == 400


def test_a_check_says_which_and_how_it_ended(
    new_version: NewVersion, asked: Asked, ada: User, signed_in: SignedIn
) -> None:
    request = asked(new_version(card=False))
    page = text_of(signed_in(ada).get("/audit/", {"model": "fraud", "action": "approvals.check.finished"}))
    assert "<strong>digest passed</strong>" in page
    assert "<strong>card failed</strong>" in page
    assert page.count("Failed</span>") == 1
    trail = text_of(signed_in(ada).get(url_of(request))).partition("History")[2]
    assert re.search(r"<strong>[^<]*card failed[^<]*</strong>", trail)


def test_the_filter_offers_actions_in_words(cy: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(cy).get("/audit/", {"action": "registry.version.created"}))
    assert '<option value="registry.version.created" selected>registered …</option>' in page


def test_who_may_not_read_everything_is_offered_models(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    assert '<a class="c-btn is-small" href="?model=fraud">fraud</a>' in text_of(signed_in(cy).get("/audit/"))


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
def test_the_fact_people_look_for(action: str, before: dict[str, object], after: dict[str, object], brief: str) -> None:
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
def test_values_read_as_people_write_them(key: str, value: object, text: str) -> None:
    assert value_words(key, value) == text
