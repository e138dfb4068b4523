"""Registering dataset versions from Croissant documents: identity by contents, in any order; rights; what is stored."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from audit.actions import Action
from audit.models import Event as AuditEvent
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.refs import dataset_version_ref
from lineage.croissant.registration import Registration, document_of, register_document
from lineage.evidence import ancestry_writers
from lineage.models import DatasetDescription, DatasetFile, Node
from lineage.quarantine import place_quarantine, taint_of
from lineage.queries import ancestors, descendants, find_node
from lineage.uncertainty import warnings_of
from lineage.visibility import hidden_nodes
from tests.conftest import Acting
from tests.lineage.croissant.documents import Json, digest_of, document, recorded
from tests.lineage.facts import record_consumed
from tests.lineage.test_interleavings import (
    TABLE,
    VERSIONS,
    Cast,
    Fact,
    Outside,
    announced,
    declared,
    outcome_of,
    produced,
    read,
    sent,
    tagged,
)

pytestmark = pytest.mark.django_db
SHA = digest_of("a")


def described(version: str | None, *contents: str, name: str = TABLE) -> Fact:
    """Return the fact that a document describes a version with these files."""
    data = document(name, version, *contents)

    def describe(cast: Cast) -> None:
        register_document(actor=cast.actor, data=data)

    return describe


def registered(actor: Actor, data: Json) -> Registration:
    return register_document(actor=actor, data=data)


def test_a_document_registers_a_version_with_its_files(by_ada: Actor) -> None:
    registration = registered(by_ada, recorded("titanic"))
    node = find_node("dataset-version:titanic/1.0.0")
    assert (registration.node.pk, registration.is_new, node.digest) == (node.pk, True, registration.document.digest)
    assert list(DatasetFile.objects.order_by("pk").values_list("name", flat=True)) == [
        "passengers.csv",
        "genders.csv",
        "embarkation_ports.csv",
    ]
    (event,) = AuditEvent.objects.filter(action=Action.LINEAGE_DATASET_DESCRIBED)
    assert event.outcome == "ok"
    assert {writer.name for writer in ancestry_writers([node.urn])[node.urn]} == {"ada"}


def test_the_same_document_again_changes_nothing(by_ada: Actor) -> None:
    registered(by_ada, recorded("titanic"))
    before = (AuditEvent.objects.count(), DatasetFile.objects.count(), Node.objects.count())
    again = registered(by_ada, dict(reversed(recorded("titanic").items())))
    assert not again.is_new
    assert (AuditEvent.objects.count(), DatasetFile.objects.count(), Node.objects.count()) == before


def test_contents_name_a_version_without_a_name(by_ada: Actor) -> None:
    registration = registered(by_ada, document("orders", None, "a"))
    assert registration.node.urn == f"dataset-version:orders/{SHA}"
    assert find_node(f"dataset-version:orders/{SHA}").digest == SHA


def test_what_cannot_be_read_stores_nothing(by_ada: Actor) -> None:
    with pytest.raises(InvalidInput):
        registered(by_ada, document("orders", None))
    assert not Node.objects.exists()
    assert not AuditEvent.objects.filter(action=Action.LINEAGE_DATASET_DESCRIBED).exists()


@pytest.mark.parametrize("spelling", [SHA, f"sha256:{SHA}"])
@pytest.mark.parametrize(
    "named",
    [lambda text: tagged(0, text), lambda text: sent(0, 1, text), announced],
    ids=["tag", "event", "dataset event"],
)
def test_a_digest_means_the_described_version_in_either_order(named: Any, spelling: str, by_ada: Actor) -> None:
    facts = [named(spelling), described("v1", "a"), tagged(1, "v1")]
    outcomes = [outcome_of(by_ada, order) for order in permutations(facts)]
    assert outcomes == [outcomes[0]] * len(outcomes)
    versions = {
        end for src, dst, *_ in outcomes[0]["edges"] for end in (src, dst) if end.startswith("dataset-version:")
    }
    assert versions == {dataset_version_ref(TABLE, "v1")}
    assert outcomes[0]["contents"] == {(dataset_version_ref(TABLE, "v1"), SHA, "None")}


def test_equal_contents_of_two_datasets_are_the_same_bytes(by_ada: Actor, by_ops: Actor) -> None:
    record_consumed(actor=by_ada, run_id="r1", dataset="copy", version=f"sha256:{SHA}")
    registered(by_ada, document("orders", "v1", "a"))
    registered(by_ada, document("bookings", "2026", "a"))
    node = find_node("dataset-version:orders/v1")
    names = {other.urn for other in descendants(node).nodes}
    assert {"dataset-version:bookings/2026", "run:r1"} <= names
    place_quarantine(actor=by_ops, urn=node.urn, reason="Labels leak.")
    assert [row.node.urn for row in taint_of("run:r1").quarantines] == [node.urn]


def test_other_names_of_files_and_another_order_are_the_same_contents(by_ada: Actor) -> None:
    registered(by_ada, document("orders", "v1", "a", "b"))
    registered(by_ada, document("bookings", "v1", "b", "a"))
    registered(by_ada, document("other", "v1", "a"))
    urns = {node.urn for node in ancestors(find_node("dataset-version:orders/v1")).nodes}
    assert "dataset-version:bookings/v1" in urns
    assert "dataset-version:other/v1" not in urns


def test_a_version_with_two_contents_keeps_both_and_warns(by_ada: Actor) -> None:
    for contents in ("a", "b"):
        registered(by_ada, document("orders", "v1", contents))
    node = find_node("dataset-version:orders/v1")
    assert {node.digest, *node.attrs["other_digests"]} == {digest_of("a"), digest_of("b")}
    (row,) = [row for row in ancestors(node).nodes if row.id == node.pk]
    assert warnings_of([row]) == ["dataset-version:orders/v1: runs or documents give this version different contents."]


def test_a_document_without_all_digests_registers_the_version_without_contents(by_ada: Actor) -> None:
    registration = registered(by_ada, recorded("huggingface-mnist"))
    assert find_node("dataset-version:mnist/1.0.0").digest == ""
    assert registration.document.warnings


def test_the_newest_document_is_read_back_as_it_was_sent(by_ada: Actor) -> None:
    data = recorded("titanic")
    registered(by_ada, data)
    assert json.loads(document_of(by_ada, "dataset-version:Titanic/1.0.0")) == data
    newer = data | {"license": "cc0"}
    registered(by_ada, newer)
    assert json.loads(document_of(by_ada, "dataset-version:titanic/1.0.0")) == newer


def test_a_version_without_a_document_has_none(by_ada: Actor) -> None:
    record_consumed(actor=by_ada, run_id="r1", dataset="orders", version="v1")
    with pytest.raises(NotFound, match="No Croissant document"):
        document_of(by_ada, "dataset-version:orders/v1")


def hide_orders(actor: Actor, urns: frozenset[str]) -> frozenset[str]:
    """Hide datasets called orders from everybody but ops."""
    return frozenset(urn for urn in urns if "orders" in urn and actor.name != "ops")


def test_a_hidden_dataset_is_neither_described_nor_shown(by_ada: Actor, by_ops: Actor, settings: Any) -> None:
    settings.LINEAGE_VISIBILITY = ["tests.lineage.croissant.test_register.hide_orders"]
    registered(by_ops, document("orders", "v1", "a"))
    assert hidden_nodes(by_ada, [find_node("dataset-version:orders/v1")])
    with pytest.raises(NotFound):
        document_of(by_ada, "dataset-version:orders/v1")
    with pytest.raises(NotFound):
        registered(by_ada, document("orders", "v2", "b"))
    assert DatasetDescription.objects.count() == 1
    assert not Node.objects.filter(version="v2").exists()


@pytest.mark.parametrize("table", ["lineage_datasetdescription", "lineage_datasetfile"])
@pytest.mark.parametrize("change", ["UPDATE {} SET {}", "DELETE FROM {}"])
def test_the_database_keeps_descriptions(table: str, change: str, by_ada: Actor) -> None:
    registered(by_ada, document("orders", "v1", "a"))
    column = "body = ''" if table.endswith("description") else "name = ''"
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change.format(table, column))


_NAMED = st.sampled_from([*VERSIONS, SHA, f"sha256:{SHA}"])
_FACTS = st.fixed_dictionaries(
    {"described 0": st.builds(described, st.sampled_from(["v1", "v2", None]), st.just("a"))},
    optional={
        "described 1": st.builds(described, st.sampled_from(["v1", "v2", None]), st.sampled_from(["a", "b"])),
        "copied": st.just(described("v1", "a", name="orders_copy")),
        **{f"tag {run}": st.builds(tagged, st.just(run), _NAMED) for run in (0, 1)},
        "read 0": st.builds(read, st.just(0), st.sampled_from(["d1", "d2"])),
        "sent 0": st.builds(sent, st.just(0), st.just(1), _NAMED),
        "declared 1": st.builds(declared, st.just(1), _NAMED),
        "announced": st.builds(announced, _NAMED),
        "produced 1": st.builds(produced, st.just(1)),
        "outside": st.builds(
            lambda way, name: Outside(f"7|1|{way}|{name}"), st.sampled_from(["inputs", "outputs"]), _NAMED
        ),
    },
)


@settings(
    phases=[Phase.explicit, Phase.generate],
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=_FACTS, data=st.data())
def test_documents_and_runs_in_any_order_give_the_same_graph(
    by_ada: Actor, drawn: dict[str, Fact], data: st.DataObject
) -> None:
    facts = list(drawn.values())
    assert outcome_of(by_ada, data.draw(st.permutations(facts))) == outcome_of(by_ada, facts)


@pytest.fixture
def by_ops(ops: Any, acting: Acting) -> Actor:
    return acting(ops)
