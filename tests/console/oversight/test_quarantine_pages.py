"""Quarantine on the pages: the dialogs of the dataset page, and the banners on what stands on bad data."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts.models import User
from approvals.models import Finding, TransitionRequest
from approvals.tasks import apply_approved_requests, open_quarantine_findings
from core.actors import Actor, system_actor
from lineage.models import Edge, Node, Quarantine, Relation
from lineage.quarantine import place_quarantine, release_quarantine
from registry.queries import live_descendants
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, RunChecks, reread
from tests.console.conftest import Asked, SignedIn, text_of
from tests.lineage.facts import record_consumed

ORDERS = "dataset-version:orders/v2.1"
PAGE = f"/datasets/version/?node={ORDERS}"
DIALOG = f"/datasets/version/quarantine/?node={ORDERS}"
RELEASE = f"/datasets/version/release/?node={ORDERS}"
REASON = "Half of it is counted twice."


@pytest.fixture
def bad(new_version: NewVersion, by_bea: Actor) -> Quarantine:
    new_version()
    return place_quarantine(actor=by_bea, urn=ORDERS, reason=REASON)


def test_a_get_shows_the_dialog_and_a_post_quarantines(new_version: NewVersion, bea: User, signed_in: SignedIn) -> None:
    new_version()
    client = signed_in(bea)
    assert "/datasets/version/quarantine/" in text_of(client.get(PAGE))
    assert client.get(DIALOG).status_code == 200
    assert client.post(DIALOG, {"reason": ""}).status_code == 400
    assert not Quarantine.objects.exists()
    assert client.post(DIALOG, {"reason": REASON}).status_code == 302
    assert REASON in text_of(client.get(PAGE))
    assert client.post(RELEASE, {"reason": "Mended."}).status_code == 302
    assert "released by bea" in text_of(client.get(PAGE))


def test_people_without_the_right_have_no_button_and_are_refused(
    new_version: NewVersion, ada: User, signed_in: SignedIn
) -> None:
    new_version()
    client = signed_in(ada)
    assert "/datasets/version/quarantine/" not in text_of(client.get(PAGE))
    assert "Only a member of operators or reviewers" in text_of(client.post(DIALOG, {"reason": REASON}))
    assert not Quarantine.objects.exists()


@pytest.mark.parametrize("url", ["/models/fraud/versions/1/", f"/runs/{1:032x}/", PAGE, "/datasets/"])
def test_affected_versions_are_marked(bad: Quarantine, ada: User, signed_in: SignedIn, url: str) -> None:
    page = text_of(signed_in(ada).get(url))
    assert "uarantined" in page
    assert (REASON in page) is (url != "/datasets/")


def test_a_quarantine_blocks_a_passed_request_until_the_release(
    asked: Asked, by_bea: Actor, run_checks: RunChecks
) -> None:
    request: TransitionRequest = asked()
    place_quarantine(actor=by_bea, urn=ORDERS, reason=REASON)
    apply_approved_requests()
    case = run_checks(request)
    row = next(row for row in case.verdict.rules if row.rule == "data-ok")
    assert (row.status.value, row.why) == (
        "failed",
        "It descends from quarantined data. The evidence names 1 dataset version.",
    )
    release_quarantine(actor=by_bea, urn=ORDERS, reason="Mended.")
    assert run_checks(reread(request)).verdict.state.value == "pending"


def test_live_descendants_are_listed(new_version: NewVersion, settings: Settings) -> None:
    settings.TRANSITION_GATES = []
    first, _ = new_version(), new_version()
    change_stage(
        actor=system_actor("test"), version=first, target=Stage.PRODUCTION, archive_existing=False, reason="before"
    )
    found = live_descendants(ORDERS)
    assert ([row.version for row in found.versions], found.truncated) == ([1], False)


def test_a_run_with_two_edges_is_listed_once(
    new_version: NewVersion, by_ada: Actor, ada: User, signed_in: SignedIn
) -> None:
    run_id = new_version().run_id
    data, run = (Node.objects.get(urn=urn) for urn in (ORDERS, f"run:{run_id}"))
    Edge.objects.create(src=data, dst=run, rel=Relation.CONSUMED, role="validation")
    page = text_of(signed_in(ada).get(PAGE))
    assert "<b>1</b><span>run reads it</span>" in page
    assert '<span class="c-badge">validation</span>' in page
    assert page.count(f'href="/runs/{run_id}/"') == 1
    assert '<td data-label="Runs" class="c-num">1</td>' in text_of(signed_in(ada).get("/datasets/?q=orders"))


def test_the_page_lists_findings_and_equal_contents(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, ada: User, signed_in: SignedIn, settings: Settings
) -> None:
    settings.TRANSITION_GATES = []
    version = new_version()
    change_stage(
        actor=system_actor("test"), version=version, target=Stage.PRODUCTION, archive_existing=False, reason="before"
    )
    digest = "0123456789abcdef0123456789abcdef"
    for name in ("orders", "orders_copy"):
        record_consumed(actor=by_ada, run_id=f"reads {name}", dataset=name, version="v2.1", digest=digest)
    placed = place_quarantine(actor=by_bea, urn=ORDERS, reason=REASON)
    open_quarantine_findings(quarantine_id=placed.pk)
    page = text_of(signed_in(ada).get(PAGE))
    finding = Finding.objects.get()
    assert f'href="/findings/{finding.pk}/"' in page.partition("Findings of its quarantine")[2]
    assert "orders_copy" in page.partition("Versions with the same contents")[2].partition("</section>")[0]
