"""Recorded events of Spark and Flink through the route, in any order, with the graphs that they give."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from console.lineage.dataset_facts import dataset_about
from core.actors import Actor
from lineage.identity.same_datasets import names_of
from lineage.models import DatasetFacts, Edge, JobRun, LineageEvent, Node, Relation
from lineage.openlineage.dataset_names import dataset_of
from lineage.openlineage.inbox import receive_batch
from lineage.openlineage.merge import datasets_of, facets_of, run_state
from lineage.queries import descendants, find_node
from tests.lineage.openlineage.events import Event, edge_keys
from tests.lineage.openlineage.test_recorded_producers import recorded, shuffled

pytestmark = pytest.mark.django_db
TMP = "tmp"  # of a path, which begins with / in the events
RENAMED = ("alter_table_test", "alter_table_test_new")
LAKE = "s3://my-bucket-test"
GLUE = "simple_app_parquet_with_persist_without_coalesce_s3_demo"
GLUE_STEP = f"{GLUE}.execute_insert_into_hadoop_fs_relation_command.sample_data_output"
QUERY = "simple_app_parquet_demo.adaptive_spark_plan.spark-test_result_test"
APPEND, CTAS = "iceberg_integration_test.append_data", "open_lineage_integration_ctas"
TARGET = f"{APPEND}.spark_catalog_default_append_table"
MERGE, DOCUMENT = "my-docuemnt-merge-job", "demo-warehouse/document"
KAFKA, STATEFUL = "kafka://kafka-cluster-prod:9092", "flink_examples_stateful"
TOPIC = f"{KAFKA}/io.openlineage.flink.kafka"
SQL = "insert-into_default_catalog.default_database.kafka_output"
SPARK = {
    (GLUE_STEP, "CONSUMED", f"{LAKE}/sample_data/input_data.parquet"),
    (GLUE_STEP, "PRODUCED", f"{LAKE}/mydata _output"),
    (QUERY, "CONSUMED", "spark-test/people.parquet"),
    (QUERY, "PRODUCED", "spark-test/result_test"),
    (MERGE, "CONSUMED", DOCUMENT),
    (MERGE, "PRODUCED", DOCUMENT),
    (APPEND, "CONSUMED", f"{TMP}/iceberg/default/append_source1"),
    (APPEND, "CONSUMED", f"{TMP}/iceberg/default/append_source2"),
    (APPEND, "PRODUCED", f"{TMP}/iceberg/default/append_table"),
    (CTAS, "CONSUMED", f"{TMP}/ctas_load/temp"),
    (CTAS, "PRODUCED", f"{TMP}/ctas_load/tbl1"),
}
FLINK = {
    ("flink-sql-job-json", "CONSUMED", "kafka://kafka-prod/lineage-test-topic-json"),
    ("flink-sql-job-json", "PRODUCED", "kafka://kafka-prod/lineage-test-topic-json-flinkoutput"),
    (STATEFUL, "CONSUMED", f"{TOPIC}.input1"),
    (STATEFUL, "CONSUMED", f"{TOPIC}.input2"),
    (STATEFUL, "PRODUCED", f"{TOPIC}.output"),
    (SQL, "CONSUMED", f"{TOPIC}.input1"),
    (SQL, "PRODUCED", f"{TOPIC}.output"),
    ("flink_examples_iceberg", "CONSUMED", f"{TMP}/warehouse/db/source"),
    ("flink_examples_iceberg", "PRODUCED", f"{TMP}/warehouse/db/sink"),
}


def flows() -> set[tuple[str, str, str]]:
    """Return the edges: the job of the run, the relation, and the dataset."""
    jobs = dict(Node.objects.filter(urn__startswith="run:").values_list("urn", "name"))
    data = dict(Node.objects.filter(urn__startswith="dataset-version:").values_list("urn", "name"))
    return {
        (jobs.get(src) or jobs[dst], Relation(rel).name, data.get(src) or data[dst]) for src, dst, rel, _ in edge_keys()
    }


def send(client: Client, headers: dict[str, str], events: list[Event]) -> None:
    """Send events one by one; each is answered with 201 and no body."""
    for data in events:
        answer = client.post("/api/v1/lineage", json.dumps(data), content_type="application/json", headers=headers)
        assert (answer.status_code, answer.content) == (201, b"")


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("producer", "expected"), [("spark", SPARK), ("flink", FLINK)])
def test_events_give_one_graph_in_any_order(
    producer: str, expected: set[Any], seed: int, client: Client, bearer: dict[str, str]
) -> None:
    events = recorded(producer)
    send(client, bearer, shuffled(events, seed))
    assert flows() == expected
    assert LineageEvent.objects.count() == len(events)
    assert not LineageEvent.objects.exclude(problem="").exists()


@pytest.mark.parametrize(("producer", "expected"), [("spark", SPARK), ("flink", FLINK)])
def test_a_batch_gives_the_same_graph(producer: str, expected: set[Any], by_ada: Actor) -> None:
    assert receive_batch(actor=by_ada, items=shuffled(recorded(producer), 3)) == []
    assert flows() == expected


def state_of(job: str) -> dict[str, Any]:
    merged: dict[str, Any] = json.loads(JobRun.objects.filter(node__name=job).order_by("node__urn")[0].merged)
    return merged


def test_a_table_that_spark_drops_or_renames_is_not_written(by_ada: Actor) -> None:
    receive_batch(actor=by_ada, items=recorded("spark"))
    for name in (f"{TMP}/drop_test/drop_table_test", f"{TMP}/alter_test/alter_table_test_new"):
        dataset = DatasetFacts.objects.get(namespace="file", name=f"/{name}").node
        assert not Edge.objects.filter(dst__container=dataset).exists()
    old, new = (Node.objects.get(urn=dataset_of("file", f"/{TMP}/alter_test/{name}").urn) for name in RENAMED)
    assert {old.pk, new.pk} <= {node.pk for node in names_of(new).datasets}


def test_a_table_that_spark_merges_into_is_two_versions(by_ada: Actor) -> None:
    receive_batch(actor=by_ada, items=recorded("spark"))
    versions = set(
        Node.objects.filter(urn__startswith="dataset-version:", name=DOCUMENT).values_list("version", flat=True)
    )
    run = "0197f44b-7231-7dcb-8d0c-349ce8b0f2c2"
    assert versions == {f"read by {run}", f"written by {run}"}


def test_symbolic_links_of_spark_reach_the_same_lineage(by_ada: Actor) -> None:
    receive_batch(actor=by_ada, items=recorded("spark"))
    table = find_node(dataset_of("file:/tmp/iceberg", "default.append_source1").urn)
    reached = {node.name for node in descendants(table).nodes}
    assert f"{TMP}/iceberg/default/append_table" in reached


def test_the_steps_of_a_spark_application_are_its_children(by_ada: Actor) -> None:
    receive_batch(actor=by_ada, items=shuffled(recorded("spark"), 1))
    parents = set(Node.objects.filter(name=QUERY).values_list("container__urn", flat=True))
    assert parents == {"run:0197ab81-2733-7bbc-b360-b605458dfc8c"}
    (application,) = Node.objects.filter(name="generic_integration_test").values_list("container__urn", flat=True)
    assert application == "run:bd9c2467-3ed7-4fdc-85c2-41ebf5c73b40"


def test_statistics_belong_to_the_use_and_columns_to_the_dataset(by_ada: Actor) -> None:
    receive_batch(actor=by_ada, items=shuffled(recorded("spark"), 2))
    state = state_of(QUERY)
    (read,), (written,) = datasets_of(state, "in"), datasets_of(state, "out")
    assert (read.use["inputStatistics"]["size"], read.use["inputStatistics"]["fileCount"]) == (738, 1)
    assert written.use["outputStatistics"]["rowCount"] == 1
    about = dataset_about(by_ada, find_node(Node.objects.filter(name="spark-test/result_test", kind=2)[0].urn))
    assert about is not None
    assert [(name, [(source.column, source.how) for source in sources]) for name, sources in about.sources] == [
        ("age", [("age", "identity, filter")]),
        ("name", [("name", "identity")]),
    ]


def test_a_column_of_data_that_is_no_input_adds_no_edge(by_ada: Actor) -> None:
    receive_batch(actor=by_ada, items=recorded("spark"))
    assert not Edge.objects.filter(src__name="demo-warehouse/documentstage").exists()


def test_checkpoints_of_flink_change_the_state_and_no_edge(client: Client, bearer: dict[str, str]) -> None:
    events = recorded("flink")
    checkpoints = [data for data in events if "checkpoints" in data["run"]["facets"]]
    send(client, bearer, [data for data in events if data not in checkpoints])
    before = (edge_keys(), set(Edge.objects.values_list("pk", flat=True)))
    send(client, bearer, list(reversed(checkpoints)))
    assert (edge_keys(), set(Edge.objects.values_list("pk", flat=True))) == before
    state = state_of(STATEFUL)
    assert facets_of(state["runs"])["checkpoints"]["completed"] == 3
    assert (run_state(state), state["started"][:19]) == ("COMPLETED", "2025-06-24T11:00:00")


def test_a_job_of_flink_that_failed_says_why_and_one_that_streams_runs_on(by_ada: Actor) -> None:
    receive_batch(actor=by_ada, items=shuffled(recorded("flink"), 1))
    failed = state_of("flink_failed_job")
    assert run_state(failed) == "FAILED"
    assert facets_of(failed["runs"])["errorMessage"]["message"] == "Application Status: FAILED"
    assert run_state(state_of(SQL)) == "RUNNING"
