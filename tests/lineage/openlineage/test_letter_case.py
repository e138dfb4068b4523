"""Names of datasets that differ in case only: two datasets where paths are meant, one where tables are."""

from __future__ import annotations

from itertools import permutations

import pytest

from accounts.models import User
from core.actors import Actor
from core.errors import NotFound
from lineage.models import Edge, Node, NodeKind
from lineage.openlineage.inbox import receive_batch, receive_event
from lineage.quarantine import place_quarantine, taint_of
from tests.conftest import Acting
from tests.lineage.openlineage.events import RUN, Event, event

EXACT = ["file", "file://server/share", "pubsub", "bigquery", "inmemory", "hdfs://nn:8020/warehouse", "s3://bucket/raw"]
FOLDED = ["duckdb:///srv/shop.duckdb", "snowflake://org-shop/db", "arn:aws:glue:eu-west-1:1", "default", "warehouse"]
ORDERS = list(permutations(("/data/orders.csv", "/data/Orders.csv")))


@pytest.fixture
def by_ops(ops: User, acting: Acting) -> Actor:
    return acting(ops)


def reading(namespace: str, name: str, run: int) -> Event:
    dataset = {"namespace": namespace, "name": name, "facets": {"version": {"datasetVersion": "v1"}}}
    return event("COMPLETE", run, run=run, inputs=[dataset])


def run_urn(run: int) -> str:
    return f"run:{RUN.format(run)}"


def sources_of(run: int) -> set[str]:
    """Return the URNs of the dataset versions that a run read."""
    return set(Edge.objects.filter(dst__urn=run_urn(run)).values_list("src__urn", flat=True))


@pytest.mark.parametrize("namespace", EXACT)
@pytest.mark.parametrize("names", ORDERS)
@pytest.mark.parametrize("together", [True, False])
def test_paths_that_differ_in_case_are_two_datasets(
    by_ada: Actor, namespace: str, names: tuple[str, str], *, together: bool
) -> None:
    events = [reading(namespace, name, run) for run, name in enumerate(names, 1)]
    if together:
        assert receive_batch(actor=by_ada, items=events) == []
    else:
        for one in events:
            receive_event(actor=by_ada, data=one)
    assert Node.objects.filter(kind=NodeKind.DATASET).count() == 2
    first, second = sources_of(1), sources_of(2)
    assert (len(first), len(second), first & second) == (1, 1, set())
    stored = {
        name.rpartition("/")[2] for name in Node.objects.filter(kind=NodeKind.DATASET).values_list("name", flat=True)
    }
    assert stored == {"orders.csv", "Orders.csv"}


@pytest.mark.parametrize("namespace", FOLDED)
@pytest.mark.parametrize("names", list(permutations(("shop.orders", "SHOP.Orders"))))
def test_tables_that_differ_in_case_are_one_dataset(by_ada: Actor, namespace: str, names: tuple[str, str]) -> None:
    for run, name in enumerate(names, 1):
        receive_event(actor=by_ada, data=reading(namespace, name, run))
    assert Node.objects.filter(kind=NodeKind.DATASET).count() == 1
    assert sources_of(1) == sources_of(2) != set()


@pytest.mark.parametrize("names", ORDERS)
def test_a_quarantine_stops_the_file_that_it_names(by_ada: Actor, by_ops: Actor, names: tuple[str, str]) -> None:
    for run, name in enumerate(names, 1):
        receive_event(actor=by_ada, data=reading("file", name, run))
    (bad,) = sources_of(1)
    place_quarantine(actor=by_ops, urn=bad, reason="It was measured wrongly.")
    assert [len(taint_of(run_urn(run)).quarantines) for run in (1, 2)] == [1, 0]


def test_another_case_names_no_file(by_ada: Actor, by_ops: Actor) -> None:
    receive_event(actor=by_ada, data=reading("file", "/data/orders.csv", 1))
    (urn,) = sources_of(1)
    with pytest.raises(NotFound):
        place_quarantine(actor=by_ops, urn=urn.replace("orders", "Orders"), reason="r")
