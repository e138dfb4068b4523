"""A quarantine is found under every name of the data, whenever the name or the model version was recorded."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.models import User
from core.actors import Actor, system_actor
from lineage.models import Edge
from lineage.openlineage.inbox import receive_event
from lineage.quarantine import place_quarantine, taint_of
from lineage.queries import find_node
from lineage.services import record_origin, record_produced
from tests.conftest import Acting
from tests.lineage.facts import record_consumed
from tests.lineage.openlineage.events import event, table
from tracking.services.experiments import create_experiment
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.logging import delete_tag, set_tag
from tracking.services.runs import create_run

SYSTEM = system_actor("test")
ORDERS = "dataset-version:orders/v1"
MODEL = "model-version:fraud/1"
MD5 = "0123456789abcdef0123456789abcdef"
Use = Callable[[str], object]


def quarantine(urn: str = ORDERS) -> None:
    place_quarantine(actor=SYSTEM, urn=urn, reason="Half of the rows are duplicates.")


def used(dataset: str, version: str, digest: str = "") -> Use:
    return lambda run: record_consumed(actor=SYSTEM, run_id=run, dataset=dataset, version=version, digest=digest)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "use",
    [
        used("orders", "v1"),
        used("ORDERS", "V1"),
        used("ord\u200bers.", "v1"),
        used("orders", "", "d1"),
        used("orders", "d1"),
        used("orders_copy", "", MD5),
        used("orders_copy", MD5),
        used("orders_copy", "v9", f"md5:{MD5}"),
    ],
    ids=[
        "name",
        "capitals",
        "spelling",
        "digest",
        "digest as version",
        "bytes",
        "bytes as version",
        "bytes of another",
    ],
)
def test_a_model_is_found_by_every_name_of_its_data(use: Use, when: str, db: None) -> None:
    for number, digest in enumerate(("d1", MD5)):
        record_consumed(actor=SYSTEM, run_id=f"etl{number}", dataset="orders", version="v1", digest=digest)
    if when == "before":
        quarantine()
    use("r1")
    record_produced(actor=SYSTEM, run_id="r1", model="fraud", version=1)
    if when == "after":
        quarantine()
    assert taint_of(MODEL).quarantines


def test_a_version_that_is_registered_later_is_found(db: None) -> None:
    record_consumed(actor=SYSTEM, run_id="r1", dataset="orders", version="v1")
    quarantine()
    record_produced(actor=SYSTEM, run_id="r1", model="fraud", version=1)
    record_produced(actor=SYSTEM, run_id="r1", model="another", version=4)
    assert taint_of(MODEL).quarantines
    assert taint_of("model-version:another/4").quarantines


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_copy_in_another_model_is_found(when: str, db: None) -> None:
    record_consumed(actor=SYSTEM, run_id="r1", dataset="orders", version="v1")
    record_produced(actor=SYSTEM, run_id="r1", model="original", version=3)
    if when == "before":
        quarantine()
    record_origin(actor=SYSTEM, model="copy", version=1, copied_from=("original", 3))
    record_origin(actor=SYSTEM, model="fraud", version=1, copied_from=("copy", 1))
    if when == "after":
        quarantine()
    assert taint_of(MODEL).quarantines


def test_data_that_events_derive_from_it_are_found(by_ada: Actor) -> None:
    first = event("COMPLETE", 1, run=1, inputs=[table("orders", "v1")], outputs=[table("features", "v1")])
    second = event("COMPLETE", 2, run=2, inputs=[table("features", "v1")], outputs=[table("features", "v2")])
    for data in (second, first):
        receive_event(actor=by_ada, data=data)
    quarantine("dataset-version:postgres:%2F%2Fdb:5432%2Forders/v1")
    assert taint_of("dataset-version:postgres:%2F%2Fdb:5432%2Ffeatures/v2").quarantines


@pytest.fixture
def named(by_ada: Actor) -> str:
    """A run of ada reads bytes d1 of orders and calls them v1. Another run reads the same bytes. Returns the run."""
    experiment = create_experiment(actor=by_ada, name="orders")
    first, second = (create_run(actor=by_ada, experiment_id=experiment.pk).pk for _ in range(2))
    for run in (first, second):
        log_inputs(actor=by_ada, run_id=run, datasets=[DatasetInput("orders", "d1", "local", "x")])
    set_tag(actor=by_ada, run_id=first, key="dataset_version", value="orders_v1")
    record_produced(actor=by_ada, run_id=second, model="fraud", version=1)
    return str(first)


@pytest.mark.parametrize("value", ["orders_v7", ""])
def test_a_tag_that_is_changed_frees_no_bytes(value: str, named: str, by_ada: Actor) -> None:
    quarantine()
    if value:
        set_tag(actor=by_ada, run_id=named, key="dataset_version", value=value)
    else:
        delete_tag(actor=by_ada, run_id=named, key="dataset_version")
    record_consumed(actor=SYSTEM, run_id="later", dataset="orders", version="", digest="d1")
    record_produced(actor=SYSTEM, run_id="later", model="later", version=1)
    assert taint_of(MODEL).quarantines
    assert taint_of("model-version:later/1").quarantines
    assert not Edge.objects.filter(src=find_node(ORDERS)).exists()


def test_a_second_name_frees_no_bytes(named: str, by_ada: Actor, ops: User, acting: Acting) -> None:
    delete_tag(actor=by_ada, run_id=named, key="dataset_version")
    quarantine("dataset-version:orders/d1")
    for run, version in (("x1", "v8"), ("x2", "v9")):
        record_consumed(actor=acting(ops), run_id=run, dataset="orders", version=version, digest="d1")
        record_produced(actor=acting(ops), run_id=run, model=f"model-{run}", version=1)
    assert taint_of(MODEL).quarantines
    assert taint_of("model-version:model-x1/1").quarantines
    assert taint_of("model-version:model-x2/1").quarantines
