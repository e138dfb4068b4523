"""OpenLineage datasets of the type MODEL: the model version where the sender may see it, otherwise a dataset."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from core.actors import Actor
from lineage.models import Relation
from lineage.openlineage.inbox import receive_event
from lineage.services import record_produced
from tests.lineage.openlineage.events import RUN, Event, edge_keys, event, table, version_urn


def model(version: str) -> Event:
    facets = {"version": {"datasetVersion": version}, "datasetType": {"datasetType": "MODEL"}}
    return {"namespace": "registry", "name": "clf", "facets": facets}


def test_a_dataset_of_the_type_model_is_the_model_version(by_ada: Actor, settings: Any) -> None:
    settings.LINEAGE_VISIBILITY = ["tests.lineage.test_api.everybody_sees_models"]
    record_produced(actor=by_ada, run_id="earlier", model="clf", version=1)
    receive_event(actor=by_ada, data=event("COMPLETE", inputs=[model("1")], outputs=[table("scores", "v1")]))
    receive_event(actor=by_ada, data=event("COMPLETE", run=2, inputs=[model("v2")]))
    first, second = (f"run:{RUN.format(run)}" for run in (1, 2))
    assert edge_keys() - {("run:earlier", "model-version:clf/1", Relation.PRODUCED, "")} == {
        ("model-version:clf/1", first, Relation.CONSUMED, "base_model"),
        (first, version_urn("scores", "v1"), Relation.PRODUCED, ""),
        ("dataset-version:registry/clf/v2", second, Relation.CONSUMED, ""),
    }


@pytest.mark.parametrize("direction", ["inputs", "outputs"])
def test_a_model_out_of_sight_is_as_one_that_never_was(direction: str, by_ada: Actor, settings: Any) -> None:
    settings.LINEAGE_VISIBILITY = ["tests.lineage.test_api.nobody_sees_models"]
    graphs = []
    for exists in (False, True):
        with transaction.atomic():
            if exists:
                record_produced(actor=by_ada, run_id="earlier", model="clf", version=1)
            receive_event(actor=by_ada, data=event("COMPLETE") | {direction: [model("1")]})
            graphs.append({edge for edge in edge_keys() if "run:earlier" not in edge})
            transaction.set_rollback(True)
    assert graphs[0] == graphs[1]
    assert len(graphs[0]) == 1
