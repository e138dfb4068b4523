"""One dataset version is one node, however runs name it and in whichever order (design: lineage, identity)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from core.actors import Actor
from lineage.models import Edge, Node, NodeKind, Relation, RetractedEdge
from lineage.queries import ancestors, descendants, find_node
from lineage.services import record_produced
from tests.conftest import Acting
from tracking.limits import Point
from tracking.models import Experiment, Run
from tracking.services.experiments import create_experiment
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.logged_models import create_logged_model
from tracking.services.logging import delete_tag, log_metric, set_tag
from tracking.services.runs import create_run

pytestmark = pytest.mark.django_db
MD5, OTHER_MD5 = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
Fact = Callable[[Actor, str], None]


@pytest.fixture
def author(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def experiment(author: Actor) -> Experiment:
    return create_experiment(actor=author, name="identity")


def start(author: Actor, experiment: Experiment, parent: str = "") -> Run:
    tags = [("mlflow.parentRunId", parent)] if parent else []
    return create_run(actor=author, experiment_id=str(experiment.pk), start_ms=1, tags=tags)


def said(value: str) -> Fact:
    return lambda author, run_id: set_tag(actor=author, run_id=run_id, key="dataset_version", value=value)


def tag(key: str, value: str) -> Fact:
    return lambda author, run_id: set_tag(actor=author, run_id=run_id, key=key, value=value)


def read(name: str, digest: str, context: str = "") -> Fact:
    item = DatasetInput(name, digest, "local", "x", tags={"mlflow.data.context": context} if context else {})
    return lambda author, run_id: log_inputs(actor=author, run_id=run_id, datasets=[item])


def inputs(run: Run | str) -> set[str]:
    run_id = run if isinstance(run, str) else run.pk
    return set(Edge.objects.filter(dst__urn=f"run:{run_id}").values_list("src__urn", flat=True))


BOTH_ORDERS = pytest.mark.parametrize("turned", [False, True], ids=["as written", "turned round"])


def tell(author: Actor, facts: Sequence[tuple[Run, Fact]], *, turned: bool) -> None:
    for run, fact in reversed(facts) if turned else facts:
        fact(author, run.pk)


@BOTH_ORDERS
def test_tag_and_input_are_one_version_for_every_run(author: Actor, experiment: Experiment, turned: bool) -> None:
    first, second = start(author, experiment), start(author, experiment)
    facts = [
        (first, said("orders_v2.1")),
        (first, read("orders", "401fcb51", "training")),
        (second, read("orders", "401fcb51")),
    ]
    tell(author, facts, turned=turned)
    node = find_node("dataset-version:orders/v2.1")
    assert (node.version, node.digest) == ("v2.1", "401fcb51")
    assert inputs(first) == inputs(second) == {node.urn}
    assert find_node("dataset-version:orders/401fcb51") == node


@BOTH_ORDERS
def test_train_and_test_inputs_are_two_contents(author: Actor, experiment: Experiment, turned: bool) -> None:
    run = start(author, experiment)
    facts = [said("orders_v2.1"), read("orders", "aaaa1111", "training"), read("orders", "bbbb2222", "test")]
    tell(author, [(run, fact) for fact in facts], turned=turned)
    assert inputs(run) == {"dataset-version:orders/v2.1", "dataset-version:orders/bbbb2222"}
    assert "other_digests" not in find_node("dataset-version:orders/v2.1").attrs


@BOTH_ORDERS
def test_two_inputs_without_training_join_no_tag(author: Actor, experiment: Experiment, turned: bool) -> None:
    run = start(author, experiment)
    tell(
        author, [(run, fact) for fact in (said("orders_v1"), read("orders", "a1"), read("orders", "b2"))], turned=turned
    )
    assert inputs(run) == {f"dataset-version:orders/{version}" for version in ("v1", "a1", "b2")}


@BOTH_ORDERS
def test_one_version_with_two_contents_keeps_both(author: Actor, experiment: Experiment, turned: bool) -> None:
    first, second = start(author, experiment), start(author, experiment)
    facts = [
        (first, said("orders_v2")),
        (first, read("orders", "d1")),
        (second, said("orders_v2")),
        (second, read("orders", "d2")),
    ]
    tell(author, facts, turned=turned)
    node = find_node("dataset-version:orders/v2")
    assert (node.digest, node.attrs["other_digests"]) == ("d1", ["d2"])
    assert inputs(first) == inputs(second) == {node.urn}


@BOTH_ORDERS
def test_same_full_digest_under_another_name_is_the_same_bytes(
    author: Actor, experiment: Experiment, turned: bool
) -> None:
    first, second = start(author, experiment), start(author, experiment)
    tell(author, [(first, read("orders", MD5)), (second, read("orders_table", MD5))], turned=turned)
    below = {node.urn for node in descendants(find_node(f"dataset-version:orders/{MD5}")).nodes}
    assert {f"run:{first.pk}", f"run:{second.pk}", f"dataset-version:orders_table/{MD5}"} < below
    above = {node.urn for node in ancestors(find_node(f"run:{second.pk}")).nodes}
    assert f"dataset-version:orders/{MD5}" in above


def test_short_digests_and_empty_files_join_nothing(author: Actor, experiment: Experiment) -> None:
    run = start(author, experiment)
    empty = "d41d8cd98f00b204e9800998ecf8427e"
    for name in ("a", "b"):
        read(name, "401fcb51")(author, run.pk)
        read(name, empty)(author, run.pk)
    assert not Edge.objects.filter(rel=Relation.SAME_BYTES).exists()


@pytest.mark.parametrize(
    "spelling", ["ORDERS_V2.1", "Orders_v2.1", "ord\u200bers_v2.1", "orders_v2.1.", "“orders_v2.1”"]
)
def test_spellings_of_one_name(author: Actor, experiment: Experiment, spelling: str) -> None:
    run = start(author, experiment)
    said(spelling)(author, run.pk)
    assert inputs(run) == {"dataset-version:orders/v2.1"}


def test_uris_compare_byte_for_byte(author: Actor, experiment: Experiment) -> None:
    runs = [start(author, experiment) for _ in range(2)]
    for run, value in zip(runs, ("s3://b/Orders@v1", "s3://b/orders@v1"), strict=True):
        said(value)(author, run.pk)
    assert inputs(runs[0]).isdisjoint(inputs(runs[1]))


def test_a_slash_in_a_name_is_not_the_one_before_the_version(author: Actor, experiment: Experiment) -> None:
    run = start(author, experiment)
    said('["a@b", "a/b@c"]')(author, run.pk)
    assert inputs(run) == {"dataset-version:a/b", "dataset-version:a%2Fb/c"}


def test_a_corrected_tag_retracts_its_edge(author: Actor, experiment: Experiment) -> None:
    run = start(author, experiment)
    said("orders_v1")(author, run.pk)
    said("orders_v2")(author, run.pk)
    kept = RetractedEdge.objects.get()
    assert (kept.reason, kept.retracted_by) == ("the tag was changed", "ada")
    assert inputs(run) == {"dataset-version:orders/v2"}
    delete_tag(actor=author, run_id=run.pk, key="dataset_version")
    assert inputs(run) == set()


def test_a_deleted_tag_gives_the_bytes_their_own_name_again(author: Actor, experiment: Experiment) -> None:
    first, second = start(author, experiment), start(author, experiment)
    for fact in (said("orders_v1"), read("orders", "d1")):
        fact(author, first.pk)
    read("orders", "d1")(author, second.pk)
    delete_tag(actor=author, run_id=first.pk, key="dataset_version")
    assert inputs(first) == inputs(second) == {"dataset-version:orders/d1"}


def test_autolog_names_stay_within_their_experiment(author: Actor, experiment: Experiment) -> None:
    other = create_experiment(actor=author, name="other")
    runs = [start(author, experiment), start(author, other)]
    for run in runs:
        read("dataset", "401fcb51")(author, run.pk)
    assert inputs(runs[0]).isdisjoint(inputs(runs[1]))


@BOTH_ORDERS
def test_a_short_commit_is_the_long_one_of_its_repository(author: Actor, experiment: Experiment, turned: bool) -> None:
    whole, repo = "b72aa227d2b9def48feed81f03e58dd426a37817", "https://ada:secret@Git.example/shop.git"
    first, second, elsewhere = (start(author, experiment) for _ in range(3))
    facts = [
        (first, tag("mlflow.source.git.repoURL", repo)),
        (first, tag("mlflow.source.git.commit", whole)),
        (second, tag("mlflow.source.git.repoURL", "https://git.example/shop")),
        (second, tag("git_commit", whole[:7])),
        (elsewhere, tag("git_commit", whole[:7])),
    ]
    tell(author, facts, turned=turned)
    assert inputs(first) == inputs(second) == {f"code:https:%2F%2Fgit.example%2Fshop/{whole}"}
    assert inputs(elsewhere) == {f"code:experiment {experiment.pk}/{whole[:7]}"}
    assert not Node.objects.filter(urn__contains="secret").exists()


@BOTH_ORDERS
def test_a_nested_run_has_the_data_of_its_parent(author: Actor, experiment: Experiment, turned: bool) -> None:
    parent = start(author, experiment)
    child, sibling = start(author, experiment, parent.pk), start(author, experiment, parent.pk)
    facts: list[tuple[Run, Fact]] = [
        (parent, read("orders", "d1")),
        (sibling, read("users", "d2")),
        (child, lambda who, run_id: _produce(who, run_id, "fraud")),
    ]
    tell(author, facts, turned=turned)
    above = {node.urn for node in ancestors(find_node("model-version:fraud/1")).nodes}
    assert "dataset-version:orders/d1" in above
    assert "dataset-version:users/d2" not in above
    edge = Edge.objects.get(rel=Relation.INHERITED, dst__urn=f"run:{child.pk}")
    assert edge.role == "parent"


@BOTH_ORDERS
def test_a_parent_that_made_the_model_has_the_data_of_its_children(
    author: Actor, experiment: Experiment, turned: bool
) -> None:
    parent = start(author, experiment)
    child, sibling = start(author, experiment, parent.pk), start(author, experiment, parent.pk)
    facts: list[tuple[Run, Fact]] = [
        (child, read("orders", "d1")),
        (parent, lambda who, run_id: _produce(who, run_id, "fraud")),
        (sibling, lambda who, run_id: _produce(who, run_id, "churn")),
    ]
    tell(author, facts, turned=turned)
    assert Edge.objects.get(rel=Relation.INHERITED).role == "child"
    assert "dataset-version:orders/d1" in {node.urn for node in ancestors(find_node("model-version:fraud/1")).nodes}
    assert "dataset-version:orders/d1" not in {node.urn for node in ancestors(find_node("model-version:churn/1")).nodes}


def _produce(author: Actor, run_id: str, model: str) -> None:
    record_produced(actor=author, run_id=run_id, model=model, version=1)


# A fact with what it replaces: of two tags of one key the last counts, so their order is part of the facts.
_FACTS = st.dictionaries(
    st.tuples(st.integers(0, 2), st.sampled_from(["dataset_version", "git_commit", "1", "2", "3", "4", "model"])),
    st.fixed_dictionaries(
        {
            "dataset_version": st.builds(
                said, st.sampled_from(["orders_v1", "orders_v2+users_v1", "ORDERS_V1", "orders", "users@latest"])
            ),
            "git_commit": st.builds(
                tag, st.just("git_commit"), st.sampled_from(["abcdef1", "abcdef1234", "abcdef9", "abcdef123456"])
            ),
            "read": st.builds(
                read,
                st.sampled_from(["orders", "Orders_v1", "users", "orders_table"]),
                st.sampled_from(["d1", "d2", MD5, OTHER_MD5]),
                st.sampled_from(["", "training", "test"]),
            ),
        }
    ),
    max_size=9,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(drawn=_FACTS, data=st.data())
def test_any_interleaving_of_the_same_facts_gives_the_same_graph(
    author: Actor, experiment: Experiment, drawn: dict[tuple[int, str], dict[str, Fact]], data: st.DataObject
) -> None:
    facts = [
        (run, _produce_once if slot == "model" else made.get(slot, made["read"])) for (run, slot), made in drawn.items()
    ]
    shuffled = data.draw(st.permutations(facts))
    assert _graph_of(author, experiment, facts) == _graph_of(author, experiment, shuffled)


def _produce_once(author: Actor, run_id: str) -> None:
    _produce(author, run_id, f"model-{run_id}")


def _graph_of(author: Actor, experiment: Experiment, facts: Sequence[tuple[int, Fact]]) -> set[tuple[str, ...]]:
    """Return the edges and the nodes on them, with the runs by number; everything is undone afterwards."""
    with transaction.atomic():
        runs = [start(author, experiment) for _ in range(3)]
        parented = start(author, experiment, runs[0].pk)
        for number, fact in facts:
            fact(author, runs[number].pk)
        names = {run.pk: f"r{number}" for number, run in enumerate([*runs, parented])}
        found = _seen(names)
        transaction.set_rollback(True)
    return found


def _seen(names: dict[str, str]) -> set[tuple[str, ...]]:
    def plain(text: str) -> str:
        for run_id, name in names.items():
            text = text.replace(run_id, name)
        return text

    rows = Edge.objects.select_related("src", "dst")
    edges = {(plain(row.src.urn), plain(row.dst.urn), str(row.rel), row.role) for row in rows}
    nodes = {node for row in rows for node in (row.src, row.dst)}
    return edges | {(plain(node.urn), node.digest, str(node.attrs.get("other_digests"))) for node in nodes}


def test_a_model_input_and_its_data_are_ancestors(author: Actor, experiment: Experiment) -> None:
    pretraining, tuning = start(author, experiment), start(author, experiment)
    read("orders", "d1")(author, pretraining.pk)
    base = create_logged_model(actor=author, experiment_id=experiment.pk, source_run_id=pretraining.pk)
    log_inputs(actor=author, run_id=tuning.pk, models=[base.pk])
    _produce(author, tuning.pk, "fraud")
    above = {node.urn for node in ancestors(find_node("model-version:fraud/1")).nodes}
    assert {f"logged-model:{base.pk}", f"run:{pretraining.pk}", "dataset-version:orders/d1"} < above
    assert Edge.objects.get(dst__urn=f"run:{tuning.pk}").role == "base_model"


def test_a_metric_of_a_model_on_a_dataset_is_an_evaluation(author: Actor, experiment: Experiment) -> None:
    run = start(author, experiment)
    model = create_logged_model(actor=author, experiment_id=experiment.pk, source_run_id=run.pk)
    for step in (1, 2):
        point = Point("auc", 0.9, 1, step, model.pk, "holdout", "d9")
        log_metric(actor=author, run_id=run.pk, point=point)
    node = Node.objects.get(kind=NodeKind.EVALUATION)
    sources = set(Edge.objects.filter(dst=node).values_list("src__urn", flat=True))
    assert sources == {f"logged-model:{model.pk}", "dataset-version:holdout/d9"}
