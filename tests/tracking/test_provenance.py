"""A run's tags and its logged inputs speak of the same data and the same commit: one node each."""

from __future__ import annotations

import pytest

from accounts.models import User
from core.actors import Actor
from lineage.models import Edge, Node, NodeKind
from tests.conftest import Acting
from tracking.models import Run
from tracking.services.experiments import create_experiment
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.logging import set_tag
from tracking.services.runs import create_run

pytestmark = pytest.mark.django_db
_WHOLE = "b72aa227d2b9def48feed81f03e58dd426a37817"


@pytest.fixture
def author(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def run(author: Actor) -> Run:
    experiment = create_experiment(actor=author, name="provenance")
    return create_run(actor=author, experiment_id=str(experiment.pk), start_ms=1)


def _log(author: Actor, run: Run, name: str, digest: str = "401fcb51") -> None:
    item = DatasetInput(name=name, digest=digest, source_type="local", source="x")
    log_inputs(actor=author, run_id=run.pk, datasets=[item])


def _inputs(kind: NodeKind) -> set[tuple[str, str]]:
    return set(Edge.objects.filter(src__kind=kind).values_list("src__urn", "src__digest"))


@pytest.mark.parametrize("name", ["orders_v2.1", "orders"])
def test_an_input_the_tag_names_is_that_version(author: Actor, run: Run, name: str) -> None:
    set_tag(actor=author, run_id=run.pk, key="dataset_version", value="orders_v2.1+users_v3.0")
    _log(author, run, name)
    found = _inputs(NodeKind.DATASET_VERSION)
    assert found == {("dataset-version:orders/v2.1", "401fcb51"), ("dataset-version:users/v3.0", "")}


def test_an_input_the_tag_does_not_name_is_its_own(author: Actor, run: Run) -> None:
    set_tag(actor=author, run_id=run.pk, key="dataset_version", value="orders_v2.1")
    _log(author, run, "orders_v2.2")
    assert ("dataset-version:orders/v2.2", "401fcb51") in _inputs(NodeKind.DATASET_VERSION)


def test_the_short_hash_of_the_noted_commit_is_that_commit(author: Actor, run: Run) -> None:
    set_tag(actor=author, run_id=run.pk, key="mlflow.source.git.commit", value=_WHOLE)
    set_tag(actor=author, run_id=run.pk, key="git_commit", value=_WHOLE[:7])
    assert list(Node.objects.filter(kind=NodeKind.CODE_VERSION).values_list("urn", flat=True)) == [
        f"code:experiment {run.experiment_id}/{_WHOLE}"
    ]


def test_another_commit_is_another_node(author: Actor, run: Run) -> None:
    set_tag(actor=author, run_id=run.pk, key="mlflow.source.git.commit", value=_WHOLE)
    set_tag(actor=author, run_id=run.pk, key="git_commit", value="deadbee")
    assert Node.objects.filter(kind=NodeKind.CODE_VERSION).count() == 2
