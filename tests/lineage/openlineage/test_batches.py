"""Batches of OpenLineage events: many runs taken at once give what one event after another gives."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import Event as AuditEvent
from audit.models import EvidenceWriter
from core.actors import Actor
from lineage.declarations import declare_edge
from lineage.models import (
    Claim,
    DatasetFacts,
    Edge,
    EdgeAssertion,
    Job,
    JobDataset,
    JobRun,
    LineageEvent,
    Node,
    Relation,
)
from lineage.openlineage import inbox
from lineage.openlineage.inbox import receive_batch, receive_event
from tests.conftest import Acting
from tests.lineage.openlineage.events import Event, event, table

CODE = "https://git.example.com/x"


def code(commit: str) -> Event:
    return {"sourceCodeLocation": {"version": commit, "repoUrl": CODE}}


def child_of(run: int) -> Event:
    parent = event("START", run=run)
    return {"parent": {"run": {"runId": parent["run"]["runId"]}, "job": parent["job"]}}


def life(run: int, commit: str = "b7d9e4f0", **more: Any) -> list[Event]:
    """Return the start and the end of a run that reads what the run before it wrote."""
    read = [table(f"stage{run - 1}", "v1"), table("dimension", "v7", schema={"fields": [{"name": f"column{run}"}]})]
    return [
        event("START", run, run=run, inputs=read, job_facets=code(commit), **more),
        event("COMPLETE", run + 1, run=run, outputs=[table(f"stage{run}", "v1")], job_facets=code(commit), **more),
    ]


STORY = [
    *life(1), *life(2, "b7d9"), *life(3, "b7d9e4f0aa"), *life(4, run_facets=child_of(1)),
    *life(5, run_facets=child_of(9)), event("OTHER", 20, run=9, inputs=[table("settings", "v2")]),
    event("START", 3, run=6, inputs=[table("orders")], outputs=[table("report")]),
    event("COMPLETE", 5, run=6, inputs=[table("orders", "v3")], outputs=[table("report", "v3")]),
    event("START", 3, run=7, inputs=[table("stage1", "v1")], outputs=[table("stage1", "v1")]),
    event("OTHER", 4, run=7, job_facets={"lineage": {"entries": [{**table("stage1"), "inputs": [table("orders")]}]}}),
]  # fmt: skip


def outcome() -> Any:
    """Return the graph with its witnesses, the merged states and what they are derived from."""
    edges = dict(Edge.objects.values_list("pk", "src__urn"))
    ends = {(src, dst, rel, role): pk for pk, src, dst, rel, role in Edge.objects.values_list("pk", "src__urn", "dst__urn", "rel", "role")}  # fmt: skip
    named = {pk: key for key, pk in ends.items()}
    said = EdgeAssertion.objects.filter(edge_id__in=edges).values_list(
        "edge_id", "assertion__source", "assertion__mode"
    )
    return {
        "edges": set(ends),
        "witnesses": {(named[pk], source, mode) for pk, source, mode in said},
        "runs": set(JobRun.objects.values_list("node__urn", "node__name", "job__name", "merged", "shape")),
        "parents": set(Node.objects.filter(urn__startswith="run:").values_list("urn", "container__urn")),
        "claims": set(Claim.objects.values_list("run__urn", "container__urn", "version", "rel", "node__urn")),
        "facts": set(DatasetFacts.objects.values_list("node__urn", "merged")),
        "jobs": set(JobDataset.objects.values_list("job__name", "dataset__urn", "direction")),
        "events": set(LineageEvent.objects.values_list("sha256", "subject")),
        "writers": set(EvidenceWriter.objects.values_list("name", "kind")),
        "writer count": EvidenceWriter.objects.count(),
        "recorded": set(AuditEvent.objects.filter(action="lineage.events.received").values_list("object_ref")),
    }


def after(actor: Actor, events: list[Event], sizes: list[int]) -> Any:
    """Return the outcome of events in batches of these sizes, the rest one by one; nothing of them is kept."""
    with transaction.atomic():
        start = 0
        for size in sizes:
            assert receive_batch(actor=actor, items=events[start : start + size]) == []
            start += size
        for data in events[start:]:
            receive_event(actor=actor, data=data)
        result = outcome()
        transaction.set_rollback(True)
    return result


@pytest.mark.parametrize("seed", range(5))
def test_batches_of_any_size_give_what_single_events_give(seed: int, by_ada: Actor) -> None:
    wanted = after(by_ada, STORY, [])
    chance = random.Random(seed)  # noqa: S311 - an order, no secret
    events = [*STORY, *chance.choices(STORY, k=4)]
    chance.shuffle(events)
    for sizes in ([len(events)], [chance.randint(2, 6) for _ in range(3)]):
        assert after(by_ada, events, sizes) == wanted


def statements_of(actor: Actor, items: list[Event]) -> int:
    """Return how many statements a batch takes; nothing of it is kept."""
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        assert receive_batch(actor=actor, items=items) == []
        transaction.set_rollback(True)
    return len(queries)


def lives(runs: int) -> list[Event]:
    return [data for run in range(1, runs + 1) for data in life(run, run_facets=child_of(9))]


def test_the_number_of_statements_does_not_grow_with_the_batch(by_ada: Actor) -> None:
    assert statements_of(by_ada, lives(8)) == statements_of(by_ada, lives(3))


def test_the_numbers_of_statements_are_those_of_the_documents(by_ada: Actor) -> None:
    receive_event(actor=by_ada, data=life(7)[0])  # the first event of a person stores the name, too
    together, alone = statements_of(by_ada, lives(3)), statements_of(by_ada, lives(1))
    said = re.compile(r"(\d+)\s+statements\s+for\s+five\s+hundred\s+runs, where\s+one run by itself takes (\d+)")
    for name in ("performance.md", "decisions/0145-runs-of-a-batch-are-taken-together.md"):
        most = said.search((settings.BASE_DIR / "docs" / name).read_text(encoding="utf-8"))
        assert most is not None, name
        assert (together, alone) <= (int(most[1]), int(most[2])), name


def test_a_declared_edge_gets_the_witness_of_the_run(by_ada: Actor, ada: User) -> None:
    receive_batch(actor=by_ada, items=[event("START", 0, run=run) for run in (1, 2)])
    source, run = "dataset-version:postgres%3A%2F%2Fdb%3A5432%2Fstage0/v1", f"run:{life(1)[0]['run']['runId']}"
    edge = declare_edge(actor=by_ada, src_urn=source, dst_urn=run, rel=Relation.CONSUMED)
    receive_batch(actor=by_ada, items=[*life(1), *life(2)])
    modes = EdgeAssertion.objects.filter(edge_id=edge.pk).values_list("assertion__mode", flat=True)
    assert sorted(modes) == ["declared", "observed"]


def test_another_persons_run_in_a_batch_costs_no_other(by_ada: Actor, cy: User, acting: Acting) -> None:
    receive_batch(actor=by_ada, items=life(1))
    before = outcome()
    (failed,) = receive_batch(
        actor=acting(cy), items=[*life(2), event("FAIL", 30, run=1, inputs=[table("poison", "v1")])]
    )
    assert (failed.index, failed.retriable) == (2, False)
    now = outcome()
    assert {row for row in now["runs"] if row[0].endswith("1")} == before["runs"]
    assert {row[0][-1] for row in now["runs"]} == {"1", "2"}
    assert not Node.objects.filter(name__contains="poison").exists()


def test_what_fails_for_many_is_taken_one_by_one(by_ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = after(by_ada, STORY, [])

    def fails(**_: object) -> set[str]:
        Job.objects.create(namespace="half", name="done")
        raise DatabaseError

    monkeypatch.setattr(inbox, "settle_together", fails)
    assert after(by_ada, STORY, [len(STORY)]) == wanted
    assert not Job.objects.filter(name="done").exists()
