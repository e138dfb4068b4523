"""Metrics, params and tags, one by one and in batches."""

import math

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from audit.actions import Action
from audit.consumers import consumes
from audit.models import Event
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from tests.tracking.conftest import NewRun, actions
from tracking.limits import Point
from tracking.models import LatestMetric, Metric, Param, Run, RunTag
from tracking.queries import run_facts
from tracking.services.logging import delete_tag, log_batch, log_metric, log_param, set_tag
from tracking.services.runs import delete_run


def test_batch_keeps_everything_in_one_event(actor: Actor, run: Run) -> None:
    log_batch(
        actor=actor,
        run_id=run.pk,
        metrics=[Point("loss", 0.5, 10, 0), Point("loss", 0.25, 11, 1), Point("auc", 0.9, 10)],
        params=[("lr", "0.1"), ("empty", "")],
        tags=[("team", "risk")],
    )
    facts = run_facts(run.pk)
    assert facts.metrics == {"auc": 0.9, "loss": 0.25}
    assert facts.params == {"empty": "", "lr": "0.1"}
    assert facts.tags["team"] == "risk"
    assert actions()[2:] == ["tracking.batch.logged"]


@pytest.mark.parametrize(
    ("points", "latest"),
    [
        ([Point("m", 1, 5, step=2), Point("m", 9, 9, step=1)], 1),
        ([Point("m", 1, 5), Point("m", 2, 6)], 2),
        ([Point("m", 3, 5), Point("m", 2, 5)], 3),
        ([Point("m", 3, 5), Point("m", math.nan, 5)], 3),
        ([Point("m", math.nan, 5), Point("m", 3, 5)], 3),
        ([Point("m", 0, 5), Point("m", math.nan, 5)], 0),
        ([Point("m", -1, 5), Point("m", math.nan, 5)], math.nan),  # NaN counts as 0, as on MLflow's servers
        ([Point("m", math.nan, 5), Point("m", 0, 6)], 0),
        ([Point("m", 1, 0, step=-3), Point("m", 2, 0, step=-7)], 1),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_latest_is_by_step_time_and_value(
    actor: Actor, run: Run, points: list[Point], latest: float, *, together: bool
) -> None:
    if together:
        log_batch(actor=actor, run_id=run.pk, metrics=points)
    else:
        for point in points:
            log_metric(actor=actor, run_id=run.pk, point=point)
    assert run_facts(run.pk).metrics["m"] == pytest.approx(latest, nan_ok=True)
    assert Metric.objects.count() == 2


@consumes(Action.TRACKING_METRIC_LOGGED)
def hear(event: Event) -> None:
    """Be somebody for whom the event has to be read back: then values go step by step."""
    assert event.pk


def test_step_by_step_keeps_the_same(actor: Actor, new_run: NewRun, settings: Settings) -> None:
    points = [Point("m", value, at, step) for value, at, step in [(1, 5, 0), (math.nan, 5, 0), (7, 1, 1), (2, 9, 0)]]
    found = []
    for consumers in ([], [f"{__name__}.hear"]):
        settings.AUDIT_CONSUMERS = consumers
        run = new_run()
        for point in points:
            log_metric(actor=actor, run_id=run.pk, point=point)
        kept = Metric.objects.filter(run=run).order_by("pk").values_list("value", "is_nan", "timestamp_ms", "step")
        found.append((list(kept), LatestMetric.objects.filter(run=run).values_list("value", "step").get()))
    assert found[0] == found[1]
    assert actions().count("tracking.metric.logged") == 2 * len(points)


def test_a_refused_value_leaves_nothing(actor: Actor, run: Run) -> None:
    delete_run(actor=actor, run_id=run.pk)
    before = actions()
    for run_id, refusal in ((run.pk, InvalidInput), ("never", NotFound)):
        with pytest.raises(refusal):
            log_metric(actor=actor, run_id=run_id, point=Point("m", 1, 1))
    assert (actions(), Metric.objects.count(), LatestMetric.objects.count()) == (before, 0, 0)


def test_infinities_become_the_largest_doubles_and_nan_stays(actor: Actor, run: Run) -> None:
    values = {"up": math.inf, "down": -math.inf, "nan": math.nan}
    log_batch(actor=actor, run_id=run.pk, metrics=[Point(key, value, 1) for key, value in values.items()])
    metrics = run_facts(run.pk).metrics
    assert (metrics["up"], metrics["down"]) == (1.7976931348623157e308, -1.7976931348623157e308)
    assert math.isnan(metrics["nan"])


def test_the_same_point_again_is_one_point(actor: Actor, run: Run) -> None:
    point = Point("m", 1.5, 5, 1)
    log_batch(actor=actor, run_id=run.pk, metrics=[point, point, Point("n", math.nan, 1), Point("n", math.nan, 1)])
    log_metric(actor=actor, run_id=run.pk, point=point)
    assert Metric.objects.count() == 2


def test_param_cannot_change(actor: Actor, run: Run) -> None:
    log_param(actor=actor, run_id=run.pk, key="lr", value="0.1")
    log_param(actor=actor, run_id=run.pk, key="lr", value="0.1")
    with pytest.raises(InvalidInput, match="Changing param values is not allowed"):
        log_batch(actor=actor, run_id=run.pk, params=[("new", "1"), ("lr", "0.2")], tags=[("t", "1")])
    assert list(Param.objects.values_list("key", "value")) == [("lr", "0.1")]
    assert not RunTag.objects.filter(key="t").exists()
    assert actions().count("tracking.param.logged") == 1


@pytest.mark.parametrize("second", ["1", "2"])
def test_one_key_twice_is_refused(actor: Actor, run: Run, second: str) -> None:
    with pytest.raises(InvalidInput, match="Duplicate parameter keys"):
        log_batch(actor=actor, run_id=run.pk, params=[("b", "1"), ("b", second)])
    assert run_facts(run.pk).params == {}


def test_long_values_are_cut(actor: Actor, run: Run) -> None:
    log_batch(actor=actor, run_id=run.pk, params=[("p", "x" * 6001)], tags=[("t", "y" * 8001)])
    facts = run_facts(run.pk)
    assert (len(facts.params["p"]), len(facts.tags["t"])) == (6000, 8000)
    log_param(actor=actor, run_id=run.pk, key="p", value="x" * 6001)


def test_last_of_equal_tags_wins(actor: Actor, run: Run) -> None:
    log_batch(actor=actor, run_id=run.pk, tags=[("t", "1"), ("t", "2")])
    set_tag(actor=actor, run_id=run.pk, key="t", value="3")
    assert run_facts(run.pk).tags["t"] == "3"


def test_delete_tag(actor: Actor, run: Run) -> None:
    set_tag(actor=actor, run_id=run.pk, key="t", value="3")
    delete_tag(actor=actor, run_id=run.pk, key="t")
    with pytest.raises(NotFound, match="No tag with name: t"):
        delete_tag(actor=actor, run_id=run.pk, key="t")


@pytest.mark.parametrize(("metrics", "params", "tags"), [(1001, 0, 0), (0, 101, 0), (0, 0, 101), (900, 100, 1)])
def test_too_many_are_refused(actor: Actor, run: Run, metrics: int, params: int, tags: int) -> None:
    with pytest.raises(InvalidInput, match="A batch logging request can contain at most"):
        log_batch(
            actor=actor,
            run_id=run.pk,
            metrics=[Point(f"m{n}", n, 1) for n in range(metrics)],
            params=[(f"p{n}", "x") for n in range(params)],
            tags=[(f"t{n}", "x") for n in range(tags)],
        )
    assert not Metric.objects.exists()


@pytest.mark.parametrize(
    "key", ["", "..", "../a", "/a", "a//b", "a/./b", "a/", ".", "a\\b", "a\nb", "é\x00", "k" * 251, "a#"]
)
def test_bad_keys_are_refused(actor: Actor, run: Run, key: str) -> None:
    for batch in ({"metrics": [Point(key, 1, 1)]}, {"params": [(key, "1")]}, {"tags": [(key, "1")]}):
        with pytest.raises(InvalidInput):
            log_batch(actor=actor, run_id=run.pk, **batch)
    assert not LatestMetric.objects.exists()


@pytest.mark.parametrize("key", ["a b", "a/b.c-d_e", "system/cpu:0", "größe", "a.."])
def test_good_keys_are_kept(actor: Actor, run: Run, key: str) -> None:
    log_metric(actor=actor, run_id=run.pk, point=Point(key, 1, 1))
    assert LatestMetric.objects.get().key == key


@pytest.mark.parametrize("point", [Point("m", 1, -1), Point("m", 1, 2**63), Point("m", 1, 1, step=2**63)])
def test_times_and_steps_have_limits(actor: Actor, run: Run, point: Point) -> None:
    with pytest.raises(InvalidInput):
        log_metric(actor=actor, run_id=run.pk, point=point)


def test_unknown_logged_model_is_refused(actor: Actor, run: Run) -> None:
    with pytest.raises(NotFound, match="Logged model"):
        log_metric(actor=actor, run_id=run.pk, point=Point("m", 1, 1, model_id="m-none"))
    assert not Metric.objects.exists()


def test_deleted_run_takes_nothing(actor: Actor, run: Run) -> None:
    delete_run(actor=actor, run_id=run.pk)
    with pytest.raises(InvalidInput, match="active"):
        log_batch(actor=actor, run_id=run.pk, metrics=[Point("m", 1, 1)])
    assert not Metric.objects.exists()


def test_statements_do_not_grow_with_the_batch(actor: Actor, run: Run) -> None:
    def statements(count: int, name: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            log_batch(
                actor=actor,
                run_id=run.pk,
                metrics=[Point(f"{name}{n}", n, 1) for n in range(count)],
                params=[(f"{name}{n}", "x") for n in range(count // 10)],
                tags=[(f"{name}{n}", "x") for n in range(count // 10)],
            )
        return len(queries)

    few, many = statements(10, "a"), statements(800, "b")
    assert few <= 15
    assert many <= few + 20  # SQLite takes 999 variables a statement
