"""A quarantine reaches models whose runs have named other data since, and nobody lifts one off their own work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from approvals.case.incumbents import Move
from approvals.case.subjects import load_subject
from approvals.models import Review
from core.actors import Actor
from core.errors import Denied
from lineage.declarations import declare_edge, retract_edge
from lineage.models import Edge, Relation
from lineage.quarantine import active_quarantines, place_quarantine, release_quarantine, taints
from registry.models import ModelVersion
from tests.approvals.case.test_same_bytes import again
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import approve, ask, publish
from tests.signed_in import actor_of
from tracking.models import Run
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.logging import delete_tag, set_tag

DATA = "dataset-version:orders/v2.1"
Change = Callable[[Actor, str], object]
CHANGES: dict[str, Change] = {
    "another version": lambda actor, run_id: set_tag(
        actor=actor, run_id=run_id, key="dataset_version", value="orders_v3"
    ),
    "the tag deleted": lambda actor, run_id: delete_tag(actor=actor, run_id=run_id, key="dataset_version"),
}


def quarantined(version: ModelVersion) -> tuple[str, ...]:
    return load_subject(Move(version, "Production", archive_existing=False)).ancestry.quarantined


def place(ops: User, urn: str = DATA) -> None:
    place_quarantine(actor=actor_of(ops), urn=urn, reason="Poisoned.")


def run_of(actor: Actor, letter: str) -> Run:
    return Run.objects.create(id=letter * 32, experiment_id=0, created_by=actor.name, artifact_uri="x", start_ms=1)


@pytest.mark.parametrize("is_first", [False, True])
@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_tag_takes_no_model_from_the_data(
    what: str, is_first: bool, new_version: NewVersion, by_ada: Actor, ops: User
) -> None:
    version = new_version()
    if is_first:
        CHANGES[what](by_ada, version.run_id)
    place(ops)
    if not is_first:
        CHANGES[what](by_ada, version.run_id)
    assert not Edge.objects.filter(src__urn=DATA, dst__urn=f"run:{version.run_id}").exists()
    assert quarantined(version) == (DATA,)


@pytest.mark.parametrize("what", CHANGES)
def test_nor_does_that_of_a_run_further_up(what: str, new_version: NewVersion, by_bea: Actor, ops: User) -> None:
    new_version(tags={})
    above = run_of(by_bea, "c")
    set_tag(actor=by_bea, run_id=above.pk, key="dataset_version", value="orders_v2.1")
    version = new_version(tags={"dataset_version": "mid_v1"})
    urn = "dataset-version:mid/v1"
    declare_edge(actor=actor_of(ops), src_urn=f"run:{above.pk}", dst_urn=urn, rel=Relation.PRODUCED)
    place(ops)
    CHANGES[what](by_bea, above.pk)
    assert quarantined(version) == (DATA,)


def test_nor_another_parent(new_version: NewVersion, by_ada: Actor, ops: User) -> None:
    version = new_version(tags={})
    parent = run_of(by_ada, "c")
    set_tag(actor=by_ada, run_id=parent.pk, key="dataset_version", value="orders_v2.1")
    set_tag(actor=by_ada, run_id=version.run_id, key="mlflow.parentRunId", value=parent.pk)
    place(ops)
    assert quarantined(version) == (DATA,)
    delete_tag(actor=by_ada, run_id=version.run_id, key="mlflow.parentRunId")
    assert quarantined(version) == (DATA,)


def test_nor_the_claims_of_a_stranger_about_the_same_bytes(
    new_version: NewVersion, by_ada: Actor, cy: User, ops: User
) -> None:
    version, first, stranger = new_version(tags={}), run_of(by_ada, "a"), run_of(actor_of(cy), "c")
    data = DatasetInput(name="orders", digest="d1", source_type="s", source="x")
    log_inputs(actor=by_ada, run_id=version.run_id, datasets=[data])
    for actor, run, dataset in ((by_ada, first, "orders_v2.1"), (actor_of(cy), stranger, "orders_v9")):
        log_inputs(actor=actor, run_id=run.pk, datasets=[data])
        set_tag(actor=actor, run_id=run.pk, key="dataset_version", value=dataset)
        if run is first:
            place(ops)
    assert quarantined(version) == (DATA,)


def test_other_models_stay_clean(new_version: NewVersion, by_ada: Actor, ops: User) -> None:
    version = new_version(tags={"dataset_version": "orders_v2"})
    set_tag(actor=by_ada, run_id=version.run_id, key="dataset_version", value="orders_v3")
    new_version()
    place(ops)
    assert quarantined(version) == ()


def test_many_models_cost_no_more_queries(new_version: NewVersion, by_ada: Actor, ops: User) -> None:
    urns = []
    counts = []
    for number in range(1, 4):
        version = new_version()
        set_tag(actor=by_ada, run_id=version.run_id, key="dataset_version", value="orders_v3")
        if number == 1:
            place(ops)
        urns.append(f"model-version:fraud/{number}")
        with CaptureQueriesContext(connection) as asked:
            assert all(taint.quarantines for taint in taints(urns).values())
        counts.append(len(asked))
    assert len(set(counts)) == 1


def test_who_released_the_quarantine_of_the_same_bytes_does_not_approve(
    new_version: NewVersion, by_bea: Actor, cy: User, ops: User
) -> None:
    publish("Production", models="*")
    second = again(actor_of(cy), new_version())
    place(ops)
    release_quarantine(actor=by_bea, urn=DATA, reason="Fine.")
    with pytest.raises(Denied, match="released the quarantine"):
        approve(by_bea, ask(actor_of(cy), second))
    assert not Review.objects.exists()


def test_who_registered_the_same_bytes_later_does_not_release(new_version: NewVersion, cy: User, ops: User) -> None:
    cy.groups.add(Group.objects.get(name="reviewers"))
    first = new_version()
    place(ops)
    again(actor_of(cy), first)
    with pytest.raises(Denied, match="somebody else must decide on the quarantine"):
        release_quarantine(actor=actor_of(cy), urn=DATA, reason="Fine.")
    assert active_quarantines().count() == 1


def test_who_made_the_version_does_not_retract_the_edge(new_version: NewVersion, ada: User, ops: User) -> None:
    version = new_version()
    place(ops)
    ada.is_superuser = True
    ada.save()
    edge = Edge.objects.get(src__urn=DATA, dst__urn=f"run:{version.run_id}")
    with pytest.raises(Denied, match="somebody else must decide on the quarantine"):
        retract_edge(actor=actor_of(ada), edge_id=edge.pk, reason="Not that.")
    assert quarantined(version) == (DATA,)
    retract_edge(actor=actor_of(ops), edge_id=edge.pk, reason="Another file was read.")
    assert quarantined(version) == ()
