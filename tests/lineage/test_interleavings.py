"""Facts about the same data through every door, in any order: one graph, and every name reaches it (design §10)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Q
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.actors import Actor
from core.errors import NotFound
from core.refs import dataset_version_ref
from lineage.declarations import declare_edge
from lineage.models import Edge, Node, NodeKind, Relation
from lineage.openlineage.inbox import receive_batch, receive_event
from lineage.queries import find_node
from lineage.services import record_produced
from tests.lineage.openlineage.events import Event, event, table
from tracking.limits import Point
from tracking.services.experiments import create_experiment
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.logged_models import create_logged_model
from tracking.services.logging import log_metric, set_tag
from tracking.services.runs import create_run

pytestmark = pytest.mark.django_db
TABLE = "postgres://db:5432/orders"
MD5 = "0123456789abcdef0123456789abcdef"
_RUN_ID = 32
VERSIONS = ("v1", "v2", "d1", "d2", MD5)


@dataclass
class Cast:
    """Two tracked runs, and a logged model that both measure. ``names`` maps their ids to names that do not change."""

    actor: Actor
    runs: list[str]
    model: str
    names: Mapping[str, str] = field(default_factory=dict)


Fact = Callable[[Cast], None]


def new_cast(actor: Actor) -> Cast:
    experiment = create_experiment(actor=actor, name="interleavings")
    runs = [create_run(actor=actor, experiment_id=experiment.pk).pk for _ in range(2)]
    model = create_logged_model(actor=actor, experiment_id=experiment.pk, source_run_id=runs[0]).pk
    names = {run: f"run {number}" for number, run in enumerate(runs)} | {model: "model"}
    return Cast(actor, runs, model, names)


def tagged(run: int, version: str) -> Fact:
    return lambda cast: _ignore(
        set_tag(actor=cast.actor, run_id=cast.runs[run], key="dataset_version", value=f"{TABLE}@{version}")
    )


def read(run: int, digest: str, context: str = "") -> Fact:
    item = DatasetInput(TABLE, digest, "local", "x", tags={"mlflow.data.context": context} if context else {})
    return lambda cast: _ignore(log_inputs(actor=cast.actor, run_id=cast.runs[run], datasets=[item]))


def sent(run: int, minute: int, version: str) -> Fact:
    """Return an OpenLineage event of a tracked run that reads a version."""

    def send(cast: Cast) -> None:
        data = event("RUNNING", minute, inputs=[table("orders", version)])
        receive_event(actor=cast.actor, data=data | {"run": {"runId": str(uuid.UUID(cast.runs[run]))}})

    return send


@dataclass(frozen=True)
class Outside:
    """An OpenLineage event of a run that is not tracked."""

    data: str

    def __call__(self, cast: Cast) -> None:
        receive_event(actor=cast.actor, data=self.event)

    @property
    def event(self) -> Event:
        """Return the event."""
        run, minute, direction, version = self.data.split("|")
        return event("RUNNING", int(minute), run=int(run), **{direction: [table("orders", version)]})


def declared(run: int, version: str) -> Fact:
    src = dataset_version_ref(TABLE, version)
    return lambda cast: _ignore(
        declare_edge(actor=cast.actor, src_urn=src, dst_urn=f"run:{cast.runs[run]}", rel=Relation.CONSUMED)
    )


def measured(run: int, digest: str) -> Fact:
    def measure(cast: Cast) -> None:
        point = Point("auc", 0.9, 1, 0, cast.model, TABLE, digest)
        log_metric(actor=cast.actor, run_id=cast.runs[run], point=point)

    return measure


def announced(version: str) -> Fact:
    """Return an OpenLineage event about the dataset alone."""
    data = {"eventTime": "2026-11-01T09:00:00Z", "dataset": table("orders", version), "producer": "x"}
    return lambda cast: receive_event(actor=cast.actor, data=data)


def produced(run: int) -> Fact:
    return lambda cast: _ignore(record_produced(actor=cast.actor, run_id=cast.runs[run], model=f"m{run}", version=1))


def _ignore(_: object) -> None:
    """Return nothing: a fact has no result."""


def outcome_of(actor: Actor, facts: Sequence[Fact], *, batched: bool = False) -> Any:
    """Return the graph after the facts: edges, versions with their digests, and the version that each name means.

    Nothing of it is kept. ``batched`` sends neighbouring events of runs that are not tracked together.
    """
    with transaction.atomic():
        cast = new_cast(actor)
        waiting: list[Event] = []
        for fact in facts:
            if batched and isinstance(fact, Outside):
                waiting.append(fact.event)
                continue
            _send(cast, waiting)
            fact(cast)
        _send(cast, waiting)
        result = _graph(cast)
        transaction.set_rollback(True)
    return result


def _send(cast: Cast, waiting: list[Event]) -> None:
    if waiting:
        assert receive_batch(actor=cast.actor, items=waiting) == []
        waiting.clear()


def _graph(cast: Cast) -> Any:
    def plain(text: str) -> str:
        for key, name in cast.names.items():
            text = text.replace(key, name).replace(str(uuid.UUID(key)) if len(key) == _RUN_ID else key, name)
        return text

    rows = Edge.objects.values_list("src__urn", "dst__urn", "rel", "role")
    edges = {(plain(src), plain(dst), Relation(rel).name, role) for src, dst, rel, role in rows}
    versions = Node.objects.filter(kind=NodeKind.DATASET_VERSION, alias_of__isnull=True)
    on_edges = versions.filter(urn__in={end for src, dst, *_ in rows for end in (src, dst)})
    contents = {(plain(node.urn), node.digest, str(node.attrs.get("other_digests"))) for node in on_edges}
    return {"edges": edges, "contents": contents, "names": {version: _meant(version) for version in VERSIONS}}


def _meant(version: str) -> str:
    """Return the version that a name reaches, "" where no edge touches it: a node may be left of an earlier event."""
    try:
        node = find_node(dataset_version_ref(TABLE, version))
    except NotFound:
        return ""
    return node.version if Edge.objects.filter(Q(src=node) | Q(dst=node)).exists() else ""


@pytest.mark.parametrize(
    "facts",
    [
        [tagged(0, "d1"), tagged(1, "v1"), read(1, "d1")],
        [sent(0, 1, "d1"), tagged(1, "v1"), read(1, "d1")],
        [announced("d1"), tagged(1, "v1"), read(1, "d1")],
        [tagged(0, "d1"), read(0, "d1"), tagged(1, "v1"), read(1, "d1")],
        [measured(0, "d1"), tagged(1, "v1"), read(1, "d1")],
    ],
    ids=["tag", "event", "dataset event", "tag and input", "evaluation"],
)
def test_a_digest_in_the_place_of_a_version_is_the_version_with_that_digest(facts: list[Fact], by_ada: Actor) -> None:
    outcomes = [outcome_of(by_ada, order) for order in permutations(facts)]
    assert outcomes[0]["names"] == {"v1": "v1", "v2": "", "d1": "v1", "d2": "", MD5: ""}
    assert not any("orders/d1" in end for src, dst, *_ in outcomes[0]["edges"] for end in (src, dst))
    assert outcomes == [outcomes[0]] * len(outcomes)


@pytest.mark.parametrize("fact", [declared(0, "d1"), Outside("1|1|outputs|d1")], ids=["declared edge", "output"])
def test_an_edge_that_names_a_digest_is_joined_with_the_version_of_that_digest(fact: Fact, by_ada: Actor) -> None:
    outcomes = [outcome_of(by_ada, order) for order in permutations([fact, tagged(1, "v1"), read(1, "d1")])]
    ends = {src.rpartition("/")[2] for src, _, rel, _ in outcomes[0]["edges"] if rel == "SAME_BYTES"}
    assert ends >= {"v1", "d1"}
    assert outcomes == [outcomes[0]] * len(outcomes)


@pytest.mark.parametrize(
    "fact", [declared(0, MD5), Outside(f"1|1|outputs|{MD5}"), announced(MD5)], ids=["declared edge", "output", "event"]
)
def test_a_full_digest_joins_equal_bytes_however_it_is_named(fact: Fact, by_ada: Actor) -> None:
    copy = DatasetInput("orders_copy", MD5, "local", "x")
    facts: list[Fact] = [
        fact, lambda cast: _ignore(log_inputs(actor=cast.actor, run_id=cast.runs[1], datasets=[copy]))
    ]  # fmt: skip
    outcomes = [outcome_of(by_ada, order) for order in permutations(facts)]
    assert {src for src, _, rel, _ in outcomes[0]["edges"] if rel == "SAME_BYTES"} == {
        f"content:{MD5}", dataset_version_ref(TABLE, MD5), dataset_version_ref("orders_copy", MD5),
    }  # fmt: skip
    assert outcomes[0] == outcomes[1]


def _outside(run: int, minute: int) -> st.SearchStrategy[Fact]:
    version = st.sampled_from(["", *VERSIONS])
    return st.builds(
        lambda direction, name: Outside(f"{run}|{minute}|{direction}|{name}"),
        st.sampled_from(["inputs", "outputs"]),
        version,
    )


_NAMED = st.sampled_from(VERSIONS)
_DIGESTS = st.sampled_from(["d1", "d2", MD5])
# One fact for each key: of two tags or events that replace each other, the order would be part of the facts.
_FACTS = st.fixed_dictionaries(
    {},
    optional={
        **{f"tag {run}": st.builds(tagged, st.just(run), _NAMED) for run in (0, 1)},
        **{
            f"read {run} {n}": st.builds(read, st.just(run), _DIGESTS, st.sampled_from(["", "training", "test"]))
            for run in (0, 1)
            for n in (0, 1)
        },
        "sent 0": st.builds(sent, st.just(0), st.just(1), st.sampled_from(["", *VERSIONS])),
        "declared 1": st.builds(declared, st.just(1), _NAMED),
        "measured 0": st.builds(measured, st.just(0), _DIGESTS),
        "announced": st.builds(announced, _NAMED),
        "produced 1": st.builds(produced, st.just(1)),
        **{f"outside {run}": _outside(run, run) for run in (7, 8)},
        "outside 7 again": _outside(7, 9),
    },
)


@settings(
    phases=[Phase.explicit, Phase.generate],
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=_FACTS, data=st.data())
def test_any_interleaving_of_all_doors_gives_the_same_graph(
    by_ada: Actor, drawn: dict[str, Fact], data: st.DataObject
) -> None:
    facts = list(drawn.values())
    shuffled = data.draw(st.permutations(facts))
    expected = outcome_of(by_ada, facts)
    assert outcome_of(by_ada, shuffled) == expected
    assert outcome_of(by_ada, shuffled, batched=True) == expected
