"""Logged models: create, finalize, params, tags, delete, search."""

import math
import re

import pytest

from core.actors import Actor
from core.errors import InvalidInput, NotFound
from tests.conftest import Acting
from tests.signed_in import READER
from tests.tracking.conftest import actions
from tracking.limits import Point
from tracking.models import Experiment, LoggedModel, LoggedModelTag, Run
from tracking.queries import get_logged_model, load_models
from tracking.search.logged_models import DatasetFilter, SortField, search_logged_models
from tracking.services.logged_models import (
    create_logged_model,
    delete_logged_model,
    delete_model_tag,
    finalize_logged_model,
    log_model_params,
    set_model_tags,
)
from tracking.services.logging import log_batch


@pytest.fixture
def model(actor: Actor, run: Run) -> LoggedModel:
    return create_logged_model(
        actor=actor,
        experiment_id=run.experiment_id,
        name="model",
        model_type="sklearn",
        source_run_id=run.pk,
        params=[("depth", "3")],
        tags=[("a", "1")],
    )


def test_create_and_finalize(actor: Actor, model: LoggedModel) -> None:
    assert re.fullmatch("m-[0-9a-f]{32}", model.pk)
    assert model.artifact_uri == f"mlflow-artifacts:/{model.experiment_id}/models/{model.pk}/artifacts"
    assert model.status == "LOGGED_MODEL_PENDING"
    finalize_logged_model(actor=actor, model_id=model.pk, status="LOGGED_MODEL_READY")
    assert get_logged_model(READER, model.pk).status == "LOGGED_MODEL_READY"
    assert actions()[-2:] == ["tracking.logged_model.created", "tracking.logged_model.finalized"]


@pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "a%", 'a"', "a'", "x" * 501, " "])
def test_bad_name_is_refused(actor: Actor, experiment: Experiment, name: str) -> None:
    with pytest.raises(InvalidInput):
        create_logged_model(actor=actor, experiment_id=experiment.pk, name=name)
    assert not LoggedModel.objects.exists()


def test_name_is_made_up(actor: Actor, experiment: Experiment) -> None:
    assert create_logged_model(actor=actor, experiment_id=experiment.pk).name.count("-") == 2


def test_unknown_run_or_experiment(actor: Actor, experiment: Experiment) -> None:
    with pytest.raises(NotFound, match="Run with id=nope"):
        create_logged_model(actor=actor, experiment_id=experiment.pk, source_run_id="nope")
    with pytest.raises(NotFound, match="No Experiment"):
        create_logged_model(actor=actor, experiment_id="777")


def test_params_and_tags(actor: Actor, model: LoggedModel) -> None:
    log_model_params(actor=actor, model_id=model.pk, params=[("lr", "1"), ("depth", "3")])
    with pytest.raises(InvalidInput, match="Changing param values"):
        log_model_params(actor=actor, model_id=model.pk, params=[("lr", "2")])
    set_model_tags(actor=actor, model_id=model.pk, tags=[("a", "2"), ("b", "1"), ("b", "3")])
    assert dict(LoggedModelTag.objects.values_list("key", "value")) == {"a": "2", "b": "3"}
    delete_model_tag(actor=actor, model_id=model.pk, key="b")
    with pytest.raises(NotFound, match="No tag with key 'b' found"):
        delete_model_tag(actor=actor, model_id=model.pk, key="b")


def test_deleted_model_is_gone_but_kept(actor: Actor, model: LoggedModel) -> None:
    delete_logged_model(actor=actor, model_id=model.pk)
    with pytest.raises(NotFound, match=f"Logged model with ID '{model.pk}' not found"):
        get_logged_model(READER, model.pk)
    with pytest.raises(NotFound):
        set_model_tags(actor=actor, model_id=model.pk, tags=[("x", "1")])
    assert search_logged_models(actor=READER, experiment_ids=[str(model.experiment_id)]) == ([], "")
    assert LoggedModel.objects.count() == 1


def test_metrics_that_name_the_model(actor: Actor, run: Run, model: LoggedModel) -> None:
    points = [Point("auc", 0.5, 1, 0, model.pk, "orders", "d1"), Point("auc", 0.9, 2, 0, model.pk), Point("loss", 1, 1)]
    log_batch(actor=actor, run_id=run.pk, metrics=points)
    metrics = load_models(READER, [model])[model.pk]
    assert [(one.key, one.value, one.dataset_name) for one in metrics] == [("auc", 0.5, "orders"), ("auc", 0.9, "")]


@pytest.fixture
def three(actor: Actor, run: Run) -> dict[str, str]:
    """Return three models by name → id; `auc` is 0.5 (orders), 0.9 and NaN; `c` has none of the tag."""
    ids = {}
    values = {
        "a": Point("auc", 0.5, 1, 0, "", "orders", "d1"),
        "b": Point("auc", 0.9, 1),
        "c": Point("auc", math.nan, 1),
    }
    for name, point in values.items():
        tags = [] if name == "c" else [("team", f"Risk {name}")]
        found = create_logged_model(
            actor=actor, experiment_id=run.experiment_id, name=name, tags=tags, params=[("p", name)]
        )
        LoggedModel.objects.filter(pk=found.pk).update(created_ms=ord(name))
        metric = Point(point.key, point.value, 1, 0, found.pk, point.dataset_name, point.dataset_digest)
        log_batch(actor=actor, run_id=run.pk, metrics=[metric])
        ids[name] = found.pk
    return ids


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "cba"),
        ("name = 'a'", "a"),
        ("name IN ('a', 'c')", "ca"),
        ("metrics.auc > 0.6", "b"),
        ("metrics.auc != 0.9", "ca"),
        ("params.p != 'a' AND tags.team LIKE 'Risk%'", "b"),
        ("tags.team IS NULL", "c"),
        ("status = 'PENDING'", "cba"),
        ("status = 'LOGGED_MODEL_READY'", ""),
        ("creation_time > 97", "cb"),
        ("source_run_id = 'x'", ""),
    ],
)
def test_search(three: dict[str, str], run: Run, text: str, names: str) -> None:
    found, _ = search_logged_models(actor=READER, experiment_ids=[str(run.experiment_id)], filter_string=text)
    assert "".join(model.name for model in found) == names


def test_search_by_dataset(three: dict[str, str], run: Run) -> None:
    def names(**more: object) -> list[str]:
        found, _ = search_logged_models(actor=READER, experiment_ids=[str(run.experiment_id)], **more)  # type: ignore[arg-type]  # a test
        return [model.name for model in found]

    assert names(datasets=[DatasetFilter("orders")]) == ["a"]
    assert names(datasets=[DatasetFilter("orders", "d2")]) == []
    assert names(datasets=[DatasetFilter("orders")], filter_string="metrics.auc > 0.6") == []
    with pytest.raises(InvalidInput, match="dataset_name"):
        names(datasets=[DatasetFilter("")])


@pytest.mark.parametrize(
    ("field", "names"),
    [
        (SortField("metrics.auc"), "abc"),
        (SortField("metrics.auc", ascending=False), "bac"),
        (SortField("metrics.auc", dataset=DatasetFilter("orders")), "acb"),
        (SortField("name", ascending=False), "cba"),
        (SortField("creation_timestamp"), "abc"),
    ],
)
def test_search_order(three: dict[str, str], run: Run, field: SortField, names: str) -> None:
    found, _ = search_logged_models(actor=READER, experiment_ids=[str(run.experiment_id)], order_by=[field])
    assert "".join(model.name for model in found) == names


@pytest.mark.parametrize("name", ["params.p", "nothing", "metrics", ""])
def test_search_refuses_other_orders(db: None, acting: Acting, name: str) -> None:
    with pytest.raises(InvalidInput):
        search_logged_models(actor=READER, experiment_ids=["0"], order_by=[SortField(name)])
