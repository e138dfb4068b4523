"""Events as dbt, Airflow, Spark and Flink write them."""

from __future__ import annotations

import pytest

from core.actors import Actor
from lineage.models import Edge, LineageEvent
from lineage.openlineage.events import read_event
from lineage.openlineage.inbox import receive_batch, receive_event
from tests.lineage.openlineage.events import RUN, Event, edge_keys, event, table, version_urn

DBT = [
    event("START", run=4, job_facets={"jobType": {"jobType": "MODEL", "integration": "DBT"}}),
    event("START", 1, run=5, job_facets={"jobType": {"jobType": "TEST", "integration": "DBT"}}),
    event("COMPLETE", run=4, inputs=[table("jaffle.raw_orders")], outputs=[table("jaffle.stg_orders", columnLineage={"fields": {"id": {"inputFields": [{"namespace": "postgres://db:5432", "name": "jaffle.raw_orders", "field": "id"}]}}})]),
    event("COMPLETE", 1, run=5, inputs=[table("jaffle.stg_orders")], outputs=[table("jaffle.dbt_test__audit.not_null")]),
]  # fmt: skip

AIRFLOW = [
    {**event("START", run=6), "eventTime": "2026-11-01T10:00:00.123456", "inputs": None},
    {**event("FAIL", run=6, inputs=[{"namespace": "s3a://Bucket", "name": "/orders.parquet"}]), "eventTime": "2026-11-01T10:00:05"},
]  # fmt: skip

SPARK = [
    event("START", run=7, inputs=[{"namespace": "s3://bucket", "name": "orders", "facets": {}, "inputFacets": {"icebergScanReport": {"snapshotId": 11}}}]),
    event("RUNNING", 1, run=7, run_facets={"spark.logicalPlan": {"plan": ["x" * 100_000]}}),
    event("COMPLETE", 2, run=7, outputs=[{"namespace": "s3://bucket", "name": "orders", "outputFacets": {"icebergCommitReport": {"snapshotId": 12}}}]),
]  # fmt: skip

FLINK = [
    {**event("START", run=8, inputs=[{"namespace": "kafka://k:9092", "name": "clicks"}], outputs=[{"namespace": "kafka://k:9092", "name": "sessions"}]), "eventTime": "2026-11-01T10:00:00.123456789Z"},
    *(event("RUNNING", minute, run=8, inputs=[], run_facets={"checkpoints": {"completed": minute}}) for minute in range(1, 6)),
]  # fmt: skip


def data_of(run: int) -> set[tuple[str, str]]:
    """Return what a run read and wrote, without kinds and prefixes."""
    run_urn = f"run:{RUN.format(run)}"
    return {("in", src) if dst == run_urn else ("out", dst) for src, dst, _, _ in edge_keys() if run_urn in (src, dst)}


@pytest.mark.parametrize(
    ("events", "run", "expected"),
    [
        (DBT, 4, {("in", version_urn("jaffle.raw_orders", f"read by {RUN.format(4)}")), ("out", version_urn("jaffle.stg_orders", f"written by {RUN.format(4)}"))}),
        (DBT, 5, {("in", version_urn("jaffle.stg_orders", f"read by {RUN.format(5)}"))}),
        (AIRFLOW, 6, {("in", f"dataset-version:s3:%2F%2Fbucket%2Forders.parquet/read by {RUN.format(6)}")}),
        (SPARK, 7, {("in", "dataset-version:s3:%2F%2Fbucket%2Forders/11"), ("out", "dataset-version:s3:%2F%2Fbucket%2Forders/12")}),
        (FLINK, 8, {("in", f"dataset-version:kafka:%2F%2Fk:9092%2Fclicks/read by {RUN.format(8)}"), ("out", f"dataset-version:kafka:%2F%2Fk:9092%2Fsessions/written by {RUN.format(8)}")}),
    ],
    ids=["dbt", "dbt test", "airflow", "spark", "flink"],
)  # fmt: skip
def test_the_ways_of_producers(events: list[Event], run: int, expected: set[tuple[str, str]], by_ada: Actor) -> None:
    assert receive_batch(actor=by_ada, items=events) == []
    assert data_of(run) == expected
    assert LineageEvent.objects.count() == len(events)


@pytest.mark.parametrize(
    ("time", "order"),
    [
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05.000000000"),
        ("2026-01-02t03:04:05.1234567z", "2026-01-02T03:04:05.123456700"),
        ("20260102T030405Z", "2026-01-02T03:04:05.000000000"),
        ("2026-01-02T05:04:05.123456789+02:00", "2026-01-02T03:04:05.123456789"),
        ("2026-01-02T03:04:05Z[Europe/London]", "2026-01-02T03:04:05.000000000"),
    ],
)
def test_times_as_producers_write_them(time: str, order: str) -> None:
    assert read_event({"eventTime": time, "job": {"name": "x"}}).order == order


@pytest.mark.parametrize(
    ("raw", "meant"),
    [(RUN.format(1).upper(), RUN.format(1)), ("{" + RUN.format(1) + "}", RUN.format(1)), (RUN.format(1).replace("-", ""), RUN.format(1)), ("urn:uuid:" + RUN.format(1), RUN.format(1))],
)  # fmt: skip
def test_run_ids_as_producers_write_them(raw: str, meant: str) -> None:
    assert read_event({"eventTime": "2026-01-02T03:04:05Z", "run": {"runId": raw}}).run_id == meant


def test_odd_parts_are_left_out_with_a_warning(by_ada: Actor) -> None:
    odd = event(
        "started",
        inputs=[{"name": " "}, table("a\x00b", "v\ud8001"), 7],
        outputs={"x": 1},
        run_facets={"a": None, "b": 3},
    )
    receive_event(actor=by_ada, data=odd)
    kept = LineageEvent.objects.get()
    assert "no name" in kept.problem
    assert "OTHER" in kept.problem
    assert Edge.objects.count() == 1
