"""Findings, emergencies, rollbacks, re-reviews and aliases on the pages: each a dialog,
each answered in its own words.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import RequestState, TransitionRequest
from approvals.models.oversight import Finding, PostReview
from approvals.oversight.findings import open_finding
from approvals.requests.review import decide_request
from core.actors import Actor
from registry.models import Alias, ModelVersion
from tests.approvals.conftest import NewVersion, RunChecks, reread
from tests.approvals.governed import approve, ask, emergency, promote, publish, stage_of
from tests.conftest import Acting
from tests.console.conftest import SignedIn, text_of
from tests.recorded_fixtures import recorded_fixture

V1, MODEL = "/models/fraud/versions/1/", "/models/fraud/"


@pytest.fixture
@recorded_fixture
def two(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> list[ModelVersion]:
    publish(re_review_every="30d", break_glass={"groups": ["incident"], "post_review_within": "1h"})
    versions = [new_version(), new_version()]
    for version in versions:
        promote(by_ada, by_bea, version, archive_existing=False)
    return versions


@pytest.fixture
@recorded_fixture
def broken(two: list[ModelVersion], new_version: NewVersion, acting: Acting, run_checks: RunChecks) -> PostReview:
    people = [User.objects.create_user(name) for name in ("ivy", "ian")]
    Group.objects.get_or_create(name="incident")[0].user_set.add(*people)
    request = emergency(acting(people[0]), new_version(), run_checks)
    approve(acting(people[1]), request)
    tasks.apply_request(request.pk)
    return PostReview.objects.get()


def test_the_superseded_version_is_kept_and_can_be_rolled_back(
    two: list[ModelVersion], ada: User, signed_in: SignedIn, run_checks: RunChecks
) -> None:
    client = signed_in(ada)
    page = text_of(client.get(MODEL))
    assert "kept for a rollback, will be archived" in page
    assert "Roll back" in page
    answer = client.post(f"{MODEL}rollback/", {"version": "1", "reason": "Drift."})
    request = TransitionRequest.objects.latest("pk")
    assert (answer.status_code, request.kind) == (302, "rollback")
    run_checks(request)
    tasks.apply_request(request.pk)
    assert stage_of(1) == ("Production", True)
    assert "Rollback" in text_of(client.get(answer["Location"]))


def test_a_model_that_cannot_be_rolled_back_says_why(
    two: list[ModelVersion], ada: User, by_ada: Actor, by_bea: Actor, signed_in: SignedIn
) -> None:
    request = ask(by_ada, two[0])
    digest = load_case(request).snapshot.subject_digest
    decide_request(actor=by_bea, request_id=request.pk, decision="reject", comment="It drifts.", seen_digest=digest)
    client = signed_in(ada)
    for headers in ({}, {"HX-Request": "true"}):
        page = text_of(client.get(f"{MODEL}rollback/", headers=headers))
        assert "fraud cannot be rolled back" in page
        assert "<strong>v1</strong>: " in page
        assert 'name="reason"' not in page
    assert client.post(f"{MODEL}rollback/", {"version": "1", "reason": "Drift."}).status_code == 409
    assert stage_of(2) == ("Production", True)


def test_nothing_happens_on_get(two: list[ModelVersion], ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    before = TransitionRequest.objects.count()
    for url in (f"{MODEL}rollback/", f"{V1}alias/", f"{V1}findings/new/", f"{MODEL}findings/new/"):
        assert client.get(url).status_code == 200
    assert (TransitionRequest.objects.count(), Finding.objects.count(), Alias.objects.count()) == (before, 0, 0)


def test_an_emergency_is_seen_everywhere_until_it_is_reviewed(
    broken: PostReview, bea: User, ada: User, signed_in: SignedIn
) -> None:
    for url in ("/admin/", MODEL, "/models/fraud/versions/3/", "/emergencies/"):
        page = text_of(signed_in(ada).get(url))
        assert "break-glass move needs" in page
        assert '<a href="/emergencies/?state=open">See emergencies</a>' in page
    assert "used break-glass" in text_of(signed_in(ada).get(MODEL))
    client = signed_in(bea)
    said = {"outcome": "justified", "comment": "It was on fire."}
    assert signed_in(ada).post(f"/emergencies/{broken.pk}/review/", said).status_code == 400
    assert client.post(f"/emergencies/{broken.pk}/review/", said).status_code == 302
    assert "break-glass move" not in text_of(client.get("/admin/"))
    assert "It was on fire." in text_of(client.get("/emergencies/"))


def test_the_button_is_shown_to_those_who_may_use_it(
    two: list[ModelVersion], ada: User, cy: User, signed_in: SignedIn
) -> None:
    url = f"{V1}break-glass/"
    assert "break-glass" not in text_of(signed_in(ada).get(V1))
    assert signed_in(ada).get(url).status_code == 409
    Group.objects.get_or_create(name="incident")[0].user_set.add(cy)
    assert "break-glass" in text_of(signed_in(cy).get(V1))
    assert signed_in(cy).post(url, {"target": "Production", "reason": " "}).status_code == 400
    assert signed_in(cy).post(url, {"target": "Production", "reason": "Fire."}).status_code == 302
    assert TransitionRequest.objects.latest("pk").kind == "break_glass"


def test_a_due_re_review_is_shown_and_confirmed(
    two: list[ModelVersion], bea: User, ada: User, signed_in: SignedIn
) -> None:
    page = "/models/fraud/versions/2/"
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=False):
        assert "re-review overdue since" in text_of(signed_in(ada).get(page))
        assert "/re-review/" not in text_of(signed_in(ada).get(page))
        assert "Confirm version" in text_of(signed_in(bea).get(page))
        assert signed_in(bea).post(f"{page}re-review/", {"comment": "Looked again."}).status_code == 302
        assert "re-review overdue since" not in text_of(signed_in(ada).get(page))


def test_an_alias_is_set_and_removed(two: list[ModelVersion], ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    assert client.post(f"{V1}alias/", {"alias": "@shadow"}).status_code == 302
    assert Alias.objects.get().name == "shadow"
    assert client.post(f"{V1}alias/", {"alias": "latest"}).status_code == 400
    publish("@champion")
    answer = client.post(f"{V1}alias/", {"alias": "champion", "comment": "Better."})
    assert "/transitionrequest/" in answer["Location"]
    assert "@champion" in text_of(client.get(answer["Location"]))
    assert client.post(f"{MODEL}aliases/shadow/delete/").status_code == 302
    assert not Alias.objects.exists()


def test_a_finding_is_opened_reassigned_and_closed(
    two: list[ModelVersion], ada: User, cy: User, signed_in: SignedIn
) -> None:
    client = signed_in(ada)
    fields = {"title": "Leaks <b>labels</b>", "severity": "high", "description": "See **this**.", "owner": "cy"}
    answer = client.post(f"{V1}findings/new/", fields)
    page = text_of(client.get(answer["Location"]))
    assert "&lt;b&gt;" in page
    assert "You cannot close this" in page
    assert "Leaks" in text_of(client.get(V1))
    assert "Leaks" in text_of(client.get("/findings/"))
    said = {"state": "resolved", "comment": "Trained again."}
    assert client.post(f"{answer['Location']}close/", said).status_code == 400
    assert signed_in(cy).post(f"{answer['Location']}close/", said).status_code == 302
    assert "Trained again." in text_of(client.get(answer["Location"]))
    assert client.post(f"{answer['Location']}assign/", {"owner": "ada"}).status_code == 400


@pytest.mark.parametrize("url", ["/findings/?state=nonsense&severity=%00x", "/findings/99/", "/findings/?page=-1"])
def test_hostile_addresses_cause_no_server_error(
    url: str, two: list[ModelVersion], ada: User, signed_in: SignedIn
) -> None:
    assert signed_in(ada).get(url).status_code in {200, 400, 404}


def test_more_rows_no_more_queries(two: list[ModelVersion], by_ada: Actor, ada: User, signed_in: SignedIn) -> None:
    client: Client = signed_in(ada)
    counts: dict[str, list[int]] = {}
    for _ in range(2):
        for version in (1, 2):
            open_finding(actor=by_ada, name="fraud", version=version, severity="low", title="Small", owner="ada")
        for url in ("/findings/", "/emergencies/", MODEL, V1):
            client.get(url)
            with CaptureQueriesContext(connection) as seen:
                client.get(url)
            counts.setdefault(url, []).append(len(seen))
    assert all(first == second for first, second in counts.values()), counts


def test_a_delayed_move_shows_its_time(new_version: NewVersion, ada: User, by_bea: Actor, signed_in: SignedIn) -> None:
    publish()
    new_version()
    client = signed_in(ada)
    later = timezone.now() + timedelta(days=2)
    answer = client.post(f"{V1}transition/Production/", {"comment": "", "apply_after": f"{later:%Y-%m-%dT%H:%M}"})
    request = approve(by_bea, TransitionRequest.objects.get())
    assert request.state == RequestState.APPROVED
    assert tasks.apply_request(request.pk) == "not applied"
    page = text_of(client.get(answer["Location"]))
    assert "Approved, and waiting." in page
    assert f"{later:%Y-%m-%d %H:%M}" in page
    with time_machine.travel(later + timedelta(minutes=2), tick=False):
        assert tasks.apply_approved_requests() == 1
    assert reread(request).state == RequestState.APPLIED


def words_of(page: str) -> tuple[str, str]:
    """Return the sentence above a dialog's form, and what its button says."""
    lead = page.partition('class="c-lead">')[2].partition("</p>")[0]
    button = page.rpartition('type="submit"')[2].partition("</button>")[0].rpartition(">")[2]
    return lead, button.strip()


@pytest.mark.parametrize(
    ("url", "lead", "button"),
    [
        (f"{MODEL}rollback/", "fraud v2 is archived in the same step", "Roll back fraud"),
        (f"{MODEL}findings/new/", "A finding is never deleted", "Open finding"),
        (f"{V1}alias/", "If a policy protects the alias", "Set alias"),
        ("/models/fraud/versions/2/re-review/", "You confirm that fraud v2 may stay", "Confirm version"),
    ],
)
def test_a_dialog_has_an_explanation_and_a_verb_as_button(
    url: str, lead: str, button: str, two: list[ModelVersion], ops: User, signed_in: SignedIn
) -> None:
    page = text_of(signed_in(ops).get(url, headers={"HX-Request": "true"}))
    shown = words_of(page)
    assert shown[0].startswith(lead)
    assert shown[1] == button


def test_a_finding_on_a_model_gets_another_owner(
    two: list[ModelVersion], ada: User, cy: User, signed_in: SignedIn
) -> None:
    client = signed_in(ada)
    where = client.post(f"{MODEL}findings/new/", {"title": "Drifts", "severity": "low", "owner": "cy"})["Location"]
    assert signed_in(cy).post(f"{where}assign/", {"owner": "bea"}).status_code == 302
    finding = Finding.objects.get()
    assert (finding.version, finding.owner and finding.owner.username) == (None, "bea")
