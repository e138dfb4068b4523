"""Suggested edges on the lineage page, the dialogs that decide on them, and the chips of what is not drawn."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from console.lineage import closures
from core.actors import Actor
from lineage.models import Edge, Node, SuggestionDecision
from lineage.openlineage.inbox import receive_batch
from lineage.suggestions.generate import derive_changed
from tests.console.conftest import SignedIn, text_of
from tests.lineage.openlineage.events import RUN, event, table

READER = f"run:{RUN.format(3)}"
ADDRESS = "/lineage/suggestions/{}/"


@pytest.fixture
def query(by_ada: Actor) -> dict[str, str]:
    """Return the query string of the one suggestion: the reader of a table that an earlier run wrote."""
    wrote = event("COMPLETE", 1, run=1, outputs=[table("orders")], inputs=[table("<raw>", "v1")])
    receive_batch(actor=by_ada, items=[wrote, event("START", 9, run=3, inputs=[table("orders")])])
    source = Node.objects.get(version__startswith="written by")
    return {"source": source.urn, "target": READER, "method": "last_version"}


def test_suggestions_are_off_by_default(query: dict[str, str], ada: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(ada).get("/lineage/", {"node": query["source"]}))
    assert "Show suggestions" in page
    assert "Suggested edges" not in page
    shown = text_of(signed_in(ada).get("/lineage/", {"node": query["source"], "suggested": "1"}))
    assert "Suggested edges" in shown
    assert "without a version" in shown
    assert "Hide suggestions" in shown
    assert "new nodes and edges are not yet compared" in shown
    derive_changed(now=timezone.now() + timedelta(minutes=2))
    shown = text_of(signed_in(ada).get("/lineage/", {"node": query["source"], "suggested": "1"}))
    assert "not yet compared" not in shown


def test_a_suggestion_between_drawn_artifacts_is_dashed(
    query: dict[str, str], ada: User, by_ada: Actor, signed_in: SignedIn
) -> None:
    both = event("COMPLETE", 12, run=3, inputs=[table("orders"), table("<raw>", "v1")])
    receive_batch(actor=by_ada, items=[both])
    start = "dataset-version:postgres:%2F%2Fdb:5432%2F<raw>/v1"
    plain = text_of(signed_in(ada).get("/lineage/", {"node": start}))
    assert "is-suggested" not in plain
    assert "&lt;raw&gt;" in plain
    assert "<raw>" not in plain
    assert "is-suggested" in text_of(signed_in(ada).get("/lineage/", {"node": start, "suggested": "1"}))


@pytest.mark.parametrize(("verb", "edges"), [("confirm", 1), ("reject", 0)])
def test_a_dialog_decides(verb: str, edges: int, query: dict[str, str], ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    assert "without a version" in text_of(client.get(ADDRESS.format(verb), query))
    address = f"{ADDRESS.format(verb)}?{'&'.join(f'{key}={value}' for key, value in _quoted(query).items())}"
    assert client.post(address, {"reason": ""}).status_code == 400
    assert not SuggestionDecision.objects.exists()
    assert client.post(address, {"reason": "the pipeline says so"}).status_code == 302
    assert SuggestionDecision.objects.get().decided_by == "ada"
    assert Edge.objects.filter(src__urn=query["source"], dst__urn=READER).count() == edges


def _quoted(query: dict[str, str]) -> dict[str, str]:
    return {key: value.replace("%", "%25") for key, value in query.items()}


def test_what_is_not_suggested_is_missing(query: dict[str, str], ada: User, signed_in: SignedIn) -> None:
    assert signed_in(ada).get(ADDRESS.format("confirm"), query | {"method": "guess"}).status_code == 404


def test_a_cut_graph_has_chips(ada: User, by_ada: Actor, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    receive_batch(
        actor=by_ada, items=[event("COMPLETE", 1, run=1, inputs=[table(f"t{number}", "v1") for number in range(6)])]
    )
    monkeypatch.setattr(closures, "MAX_DRAWN", 4)
    start = f"run:{RUN.format(1)}"
    page = text_of(signed_in(ada).get("/lineage/", {"node": start, "direction": "up"}))
    assert "+3" in page
    assert "3 more inputs of load1: centre the graph on it" in page
    monkeypatch.setattr(closures, "MAX_DRAWN", 300)
    assert 'class="more"' not in text_of(signed_in(ada).get("/lineage/", {"node": start, "direction": "up"}))
