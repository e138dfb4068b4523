"""Suggested edges: derived, counted by nothing, confirmed or rejected once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from audit.models import Event
from audit.refusals import Refusal
from core.actors import Actor
from core.errors import Denied, InvalidInput, NotFound
from lineage.identity.claims import ClaimedInput, Witness
from lineage.identity.nodes import dataset_spec
from lineage.models import Edge, Node, Relation, SuggestionDecision
from lineage.openlineage.inbox import receive_batch
from lineage.quarantine import place_quarantine, quarantined_and_below
from lineage.queries import ancestors, find_node
from lineage.services import record_inputs
from lineage.suggestions.decide import confirm_suggestion, reject_suggestion
from lineage.suggestions.derive import open_suggestions
from lineage.suggestions.methods import Method, Suggestion
from tests.conftest import Acting
from tests.lineage.openlineage.events import RUN, event, table

READER = f"run:{RUN.format(3)}"


@pytest.fixture
def untold(by_ada: Actor) -> Actor:
    """Two runs write a table that a third one reads, and no event names a version."""
    orders = [table("orders")]
    receive_batch(
        actor=by_ada,
        items=[
            event("COMPLETE", 1, run=1, outputs=orders),
            event("COMPLETE", 5, run=2, outputs=orders),
            event("START", 9, run=3, inputs=orders),
            event("COMPLETE", 11, run=4, outputs=orders),
        ],
    )
    return by_ada


def suggested(actor: Actor) -> list[Suggestion]:
    return open_suggestions(actor, list(Node.objects.all()))


def decide(service: Any, actor: Actor, one: Suggestion, reason: str = "I was there") -> SuggestionDecision:
    decision: SuggestionDecision = service(
        actor=actor, src_urn=one.src.urn, dst_urn=one.dst.urn, method=one.method, reason=reason
    )
    return decision


def test_the_last_version_before_the_run_is_suggested(untold: Actor) -> None:
    (one,) = suggested(untold)
    assert (one.dst.urn, one.method, one.relation) == (READER, Method.LAST_VERSION, Relation.CONSUMED)
    assert one.src.version == f"written by {RUN.format(2)}"
    assert not Edge.objects.filter(src=one.src, rel=Relation.CONSUMED).exists()


def test_a_suggestion_counts_for_nothing_until_it_is_confirmed(untold: Actor, acting: Acting, ops: User) -> None:
    (one,) = suggested(untold)
    place_quarantine(actor=acting(ops), urn=one.src.urn, reason="wrong currency")
    assert one.dst.pk not in quarantined_and_below([one.dst.pk])[1]
    assert one.src.pk not in {node.pk for node in ancestors(one.dst).nodes}
    decide(confirm_suggestion, untold, one)
    assert one.dst.pk in quarantined_and_below([one.dst.pk])[1]
    assert one.src.pk in {node.pk for node in ancestors(one.dst).nodes}
    assert suggested(untold) == []
    assert Event.objects.filter(action="lineage.suggestion.confirmed", object_ref=READER).count() == 1


def test_a_rejected_suggestion_stays_rejected(untold: Actor) -> None:
    (one,) = suggested(untold)
    decide(reject_suggestion, untold, one)
    receive_batch(actor=untold, items=[event("COMPLETE", 12, run=3, inputs=[table("orders")])])
    assert suggested(untold) == []
    assert not Edge.objects.filter(src=one.src, dst=one.dst).exists()
    with pytest.raises(NotFound):
        decide(confirm_suggestion, untold, one)
    assert Event.objects.filter(action="lineage.suggestion.rejected", object_ref=READER).count() == 1


def test_a_version_that_is_named_later_ends_the_suggestion(untold: Actor) -> None:
    receive_batch(actor=untold, items=[event("COMPLETE", 12, run=3, inputs=[table("orders", "v7")])])
    assert suggested(untold) == []


def test_a_short_digest_under_two_names_is_one_click(by_ada: Actor, acting: Acting, ops: User) -> None:
    for run, name in (("a1", "orders"), ("b2", "orders_table")):
        claimed = [ClaimedInput(dataset_spec(name), digest="1a2b3c4d")]
        record_inputs(actor=by_ada, run_id=run, claimed=claimed, witness=Witness("observed", f"run {run}", "input"))
    (one,) = suggested(by_ada)
    assert (one.method, one.src.name, one.dst.name) == (Method.SAME_SHORT_DIGEST, "orders", "orders_table")
    decide(confirm_suggestion, by_ada, one)
    for start, other in ((one.src, one.dst), (one.dst, one.src)):
        assert other.pk in {node.pk for node in ancestors(start).nodes}
    place_quarantine(actor=acting(ops), urn=one.dst.urn, reason="stale")
    assert find_node("run:a1").pk in quarantined_and_below([find_node("run:a1").pk])[1]
    assert suggested(by_ada) == []


@pytest.mark.parametrize("service", [confirm_suggestion, reject_suggestion])
def test_without_a_reason_nothing_is_decided(service: Any, untold: Actor) -> None:
    with pytest.raises(InvalidInput):
        decide(service, untold, suggested(untold)[0], reason=" ")
    assert len(suggested(untold)) == 1
    assert not SuggestionDecision.objects.exists()


@pytest.mark.parametrize("service", [confirm_suggestion, reject_suggestion])
def test_who_may_not_declare_the_edge_decides_nothing(service: Any, untold: Actor, settings: Any) -> None:
    settings.LINEAGE_WRITERS = ["tests.lineage.test_suggestions.refuse"]
    with pytest.raises(Denied):
        decide(service, untold, suggested(untold)[0])
    assert not SuggestionDecision.objects.exists()
    assert not Edge.objects.filter(dst__urn=READER, src__version__startswith="written").exists()
    assert not Event.objects.filter(action__startswith="lineage.suggestion", outcome="ok").exists()


def refuse(actor: Actor, urn: str, action: str) -> Refusal:
    return Refusal(f"{actor.name} may not.", action, urn)  # type: ignore[arg-type]  # as the real ones


def test_what_somebody_may_not_read_is_not_suggested(untold: Actor, settings: Any) -> None:
    settings.LINEAGE_VISIBILITY = ["tests.lineage.test_suggestions.hide"]
    assert suggested(untold) == []


def hide(actor: Actor, urns: frozenset[str]) -> frozenset[str]:
    return urns & {READER}


@pytest.mark.parametrize("verb", ["confirm", "reject"])
def test_the_api_lists_and_decides(verb: str, untold: Actor, ada: User, client: Client) -> None:
    client.force_login(ada)
    around = client.get("/api/v1/lineage/suggestions", {"node": READER}).json()["suggestions"]
    assert [one["method"] for one in around] == ["last_version"]
    body = {name: around[0][name] for name in ("source", "target", "method")} | {"reason": "a test"}
    answer = client.post(f"/api/v1/lineage/suggestions/{verb}", body, content_type="application/json").json()
    assert (answer["state"], answer["decided_by"], answer["reason"]) == (f"{verb}ed", "ada", "a test")
    for again in ("confirm", "reject"):
        address = f"/api/v1/lineage/suggestions/{again}"
        assert client.post(address, body, content_type="application/json").status_code == 404
    assert client.get("/api/v1/lineage/suggestions", {"node": READER}).json()["suggestions"] == []
