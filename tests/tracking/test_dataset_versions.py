"""What the tags and params of a run say about its data and code, in the lineage graph."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.actors import Actor
from lineage.models import Edge, Node, Relation
from tests.tracking.conftest import NewRun
from tracking.dataset_versions import parse_dataset_versions
from tracking.models import Run
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.logging import log_batch, log_param, set_tag

PARSED = [
    ("orders_v2.1+users_v3.0", [("orders", "v2.1"), ("users", "v3.0")]),
    (" orders_v2.1 , users_v3.0 ; geo@2026-11 ", [("orders", "v2.1"), ("users", "v3.0"), ("geo", "2026-11")]),
    ("orders-v2", [("orders", "v2")]),
    ("a_v1_b_v2", [("a_v1_b", "v2")]),
    ("orders_v2_final", [("orders", "v2_final")]),
    ("orders@sha256:abc", [("orders", "sha256:abc")]),
    ("orders:v2.1", [("orders", "v2.1")]),
    ("s3://bucket/orders:v2", [("s3://bucket/orders", "v2")]),
    ("s3://bucket/orders", [("s3://bucket/orders", "unversioned")]),
    ("postgres://host:5432", [("postgres://host:5432", "unversioned")]),
    ("git@github.com:a/b", [("git@github.com:a/b", "unversioned")]),
    ("my_view_vertical", [("my_view_vertical", "unversioned")]),
    ("customers", [("customers", "unversioned")]),
    ("v1.2", [("", "v1.2")]),
    ("2026-11-01", [("", "2026-11-01")]),
    ("3", [("", "3")]),
    ("a_v1+a_v1", [("a", "v1")]),
    ("", []),
    (" + ,; ", []),
    ("@v1", [("@v1", "unversioned")]),
    (":", [(":", "unversioned")]),
    ("orders@2024-07-02T12:23:27+00:00", [("orders", "2024-07-02T12:23:27+00:00")]),
    ("features@1.2.0+build.5", [("features", "1.2.0+build.5")]),
    ("features@1.2.0+build.5+orders_v2", [("features", "1.2.0+build.5"), ("orders", "v2")]),
    ("orders@1+sha256:abc", [("orders", "1+sha256:abc")]),
    ("s3://b/t.parquet?versionId=a+b", [("s3://b/t.parquet?versionId=a+b", "unversioned")]),
    ("gs://b/a,b.csv@v1", [("gs://b/a,b.csv", "v1")]),
    ("s3://b/x@v1+s3://b/y@v2", [("s3://b/x", "v1"), ("s3://b/y", "v2")]),
    ('["a,b@v1", "orders_v2"]', [("a,b", "v1"), ("orders", "v2")]),
    ("a_v1|b_v2", [("a_v1|b_v2", "unversioned")]),
    ("a and b", [("a and b", "unversioned")]),
    ("latest", [("latest", "unversioned")]),
    ("orders@latest", [("orders@latest", "unversioned")]),
]


@pytest.mark.parametrize(("text", "pairs"), PARSED)
def test_parsed(text: str, pairs: list[tuple[str, str]]) -> None:
    assert parse_dataset_versions(text) == pairs


@given(st.text())
@example("orders @v2")
def test_any_text_gives_named_versions(text: str) -> None:
    for name, version in parse_dataset_versions(text):
        assert version.strip()
        assert name == name.strip()


def inputs_of(run: Run) -> dict[str, str]:
    """Return what the graph says a run stands on: URN → relation."""
    edges = Edge.objects.filter(dst__urn=f"run:{run.pk}").select_related("src")
    return {edge.src.urn: Relation(edge.rel).name for edge in edges}


def test_param_names_its_datasets(actor: Actor, run: Run) -> None:
    log_param(actor=actor, run_id=run.pk, key="dataset_version", value="orders_v2.1+users_v3.0")
    assert inputs_of(run) == {
        "dataset-version:orders/v2.1": "CONSUMED",
        "dataset-version:users/v3.0": "CONSUMED",
    }


def test_tags_name_data_and_code(actor: Actor, new_run: NewRun) -> None:
    run = new_run(tags=[("dataset_version", "orders@7"), ("mlflow.source.git.repoURL", "git@x:y")])
    set_tag(actor=actor, run_id=run.pk, key="mlflow.source.git.commit", value="abc1234\n")
    assert inputs_of(run) == {"dataset-version:orders/7": "CONSUMED", "code:git@x:y/abc1234": "USED_CODE"}
    assert Node.objects.get(urn="code:git@x:y/abc1234").name == "git@x:y"


def test_bare_version_stays_within_its_experiment(actor: Actor, run: Run) -> None:
    log_batch(actor=actor, run_id=run.pk, tags=[("dataset_version", "v1.2"), ("git_commit", " ")])
    assert inputs_of(run) == {"dataset-version:churn dataset/v1.2": "CONSUMED"}


def test_very_long_names_are_told_apart(actor: Actor, run: Run) -> None:
    log_param(actor=actor, run_id=run.pk, key="dataset_version", value=f"{'x' * 2000}a_v1,{'x' * 2000}b_v1")
    assert len(inputs_of(run)) == 2


def test_logged_inputs_carry_their_digest(actor: Actor, run: Run) -> None:
    item = DatasetInput("orders", "ed4c1e7e", "local", "{}", tags={"mlflow.data.context": "training"})
    log_inputs(actor=actor, run_id=run.pk, datasets=[item, item])
    edge = Edge.objects.select_related("src").get()
    assert (edge.src.urn, edge.src.digest, edge.role) == ("dataset-version:orders/ed4c1e7e", "ed4c1e7e", "training")
