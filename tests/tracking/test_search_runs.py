"""Searching runs and experiments, and the history of a metric."""

import math
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.actors import Actor
from core.errors import InvalidInput, NotFound
from tests.signed_in import READER
from tests.tracking.conftest import NewRun
from tracking.full_runs import full_runs
from tracking.limits import Point
from tracking.models import Experiment, Run
from tracking.search.experiments import search_experiments
from tracking.search.history import metric_history, sample_history
from tracking.search.runs import search_run_ids, search_runs
from tracking.services.experiments import create_experiment, delete_experiment, set_experiment_tag
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.logging import log_batch, set_tag
from tracking.services.runs import delete_run, update_run


@pytest.fixture
def three(actor: Actor, new_run: NewRun) -> list[Run]:
    """Return runs a, b, c, started in this order; `acc` is 0.5, 0.9 and NaN; only a and b have the rest."""
    runs = []
    for number, (name, acc) in enumerate([("a", 0.5), ("b", 0.9), ("c", math.nan)]):
        run = new_run(name=name, start_ms=100 + number, user_id="Ada", tags=[("odd", "50%*[x]_\\")])
        log_batch(actor=actor, run_id=run.pk, metrics=[Point("acc", acc, 1)])
        runs.append(run)
    for run, value in zip(runs[:2], ["Small", "large"], strict=True):
        log_batch(actor=actor, run_id=run.pk, params=[("size", value)], tags=[("a b", "it's")])
        item = DatasetInput(f"orders-{value}", "d1", "local", "", tags={"mlflow.data.context": "train"})
        log_inputs(actor=actor, run_id=run.pk, datasets=[item])
        update_run(actor=actor, run_id=run.pk, status="FINISHED", end_ms=500)
    return runs


def names(experiment: Experiment, **more: Any) -> str:
    found, _ = search_runs(actor=READER, experiment_ids=[str(experiment.pk)], **more)
    return "".join(run.name for run in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "cba"),
        ("metrics.acc > 0.5", "b"),
        ("metrics.acc >= 0.5 AND metrics.acc < 0.9", "a"),
        ("metrics.acc != 0.5", "cb"),
        ("metrics.acc < 1e400", "ba"),
        ("metrics.none != 0", ""),
        ("params.size = 'Small'", "a"),
        ("params.size != 'Small'", "b"),
        ("params.size LIKE 's%'", ""),
        ("params.size LIKE 'S_a%'", "a"),
        ("params.size ILIKE 's%'", "a"),
        ("params.size ILIKE '%L%'", "ba"),
        ("params.size IS NULL", "c"),
        ("tags.odd ILIKE '50%É_\\'", ""),
        ("params.size IS NOT NULL", "ba"),
        ("tags.`a b` = 'it''s'", "ba"),
        ('tags."a b" = "it\'s"', "ba"),
        ("tags.`odd` LIKE '50%*[x]__'", "cba"),
        ("tags.`odd` ILIKE '%[X]%'", "cba"),
        ("tags.`odd` LIKE '%[y]%'", ""),
        ("tags.`odd` LIKE '%\\%'", "cba"),
        ("run_name = 'a'", "a"),
        ("attributes.run_name != 'a'", "cb"),
        ("status = 'FINISHED'", "ba"),
        ("start_time >= 101", "cb"),
        ("start_time > 101.5", "c"),
        ("start_time >= 101.5", "c"),
        ("start_time < 101.5", "ba"),
        ("start_time <= 101.0", "ba"),
        ("start_time = 101.5", ""),
        ("start_time != 101.5", "cba"),
        ("end_time != 7", "ba"),
        ("end_time < 9223372036854775807", "ba"),
        ("user_id ILIKE 'ada'", "cba"),
        ("dataset.name = 'orders-large'", "b"),
        ("dataset.digest IN ('d1', 'd2') AND dataset.context LIKE 'tr%'", "ba"),
        ("datasets.name NOT IN ('orders-large')", "a"),
        ("artifact_uri LIKE '%/artifacts' AND params.size='large'", "b"),
    ],
)
def test_filter(three: list[Run], experiment: Experiment, text: str, expected: str) -> None:
    assert names(experiment, filter_string=text) == expected


@pytest.mark.parametrize(
    ("pattern", "matches"), [("ÉCOLE%", True), ("école %_.*ß", True), ("%ДОМ%", True), ("ecole%", False), ("É", False)]
)
def test_no_letter_has_a_case_for_ilike(
    actor: Actor, new_run: NewRun, experiment: Experiment, pattern: str, matches: bool
) -> None:
    new_run(name="a", tags=[("t", "École дом\n.*ß")])
    assert names(experiment, filter_string=f"tags.t ILIKE '{pattern}'") == ("a" if matches else "")
    assert names(experiment, filter_string=f"tags.none ILIKE '{pattern}'") == ""


def test_filter_by_ids(three: list[Run], experiment: Experiment) -> None:
    first = three[0].pk
    assert names(experiment, filter_string=f"run_id IN ('{first}', 'x')") == "a"
    assert names(experiment, filter_string=f"run_id NOT IN ('{first}')") == "cb"


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        (["metrics.acc"], "abc"),
        (["metrics.acc DESC"], "bac"),
        (["metrics.none", "start_time"], "abc"),
        (["params.size ASC"], "abc"),
        (["end_time", "run_name DESC"], "bac"),
        (["tags.`a b` DESC"], "bac"),
        (["created ASC"], "abc"),
        (["status", "metrics.acc DESC"], "bac"),
    ],
)
def test_order(three: list[Run], experiment: Experiment, order_by: list[str], expected: str) -> None:
    if order_by == ["params.size ASC"] and connection.vendor == "postgresql":
        expected = names(experiment, order_by=order_by)  # a collation decides whether "Small" comes before "large"
    assert names(experiment, order_by=order_by) == expected


def test_pages_cover_everything_once(three: list[Run], experiment: Experiment) -> None:
    seen, token = "", ""
    for _ in range(3):
        found, token = search_runs(actor=READER, experiment_ids=[str(experiment.pk)], max_results=1, page_token=token)
        seen += found[0].name
    assert (seen, token) == ("cba", "")


@pytest.mark.parametrize(
    "token", ["x", "e30=", "bnVsbA==", "eyJvZmZzZXQiOiAtMX0=", "eyJvZmZzZXQiOiAieCJ9", "é", "W10=", "MQ=="]
)
def test_bad_page_token(db: None, token: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid page token"):
        search_runs(actor=READER, experiment_ids=["0"], page_token=token)


@pytest.mark.parametrize("more", [{"max_results": 0}, {"max_results": 50_001}, {"experiment_ids": ["x"]}])
def test_bad_search(db: None, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        search_runs(actor=READER, **{"experiment_ids": ["0"], **more})


def test_view_types(actor: Actor, three: list[Run], experiment: Experiment) -> None:
    delete_run(actor=actor, run_id=three[0].pk)
    assert [names(experiment, view=view) for view in ("", "ACTIVE_ONLY", "DELETED_ONLY", "ALL")] == [
        "cb",
        "cb",
        "a",
        "cba",
    ]
    assert search_runs(actor=READER, experiment_ids=[]) == ([], "")


def test_values_that_begin_alike_are_not_the_same(actor: Actor, experiment: Experiment, new_run: NewRun) -> None:
    beginning = "ü" * 120
    for name in ("x", "y"):
        set_tag(actor=actor, run_id=new_run(name=name).pk, key="long", value=beginning + name)
    assert names(experiment, filter_string=f"tags.long = '{beginning}y'") == "y"
    assert names(experiment, filter_string=f"tags.long = '{beginning}'") == ""


def test_a_tag_is_found_by_the_index_of_beginnings(three: list[Run], experiment: Experiment) -> None:
    with CaptureQueriesContext(connection) as captured, connection.cursor() as cursor:
        names(experiment, filter_string="tags.odd = '1'")
        statement = next(query["sql"] for query in captured if "runtag" in query["sql"])
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{statement}")
        assert "tracking_runtag_value" in str(cursor.fetchall())


def test_ids_alone_are_the_same_runs(three: list[Run], experiment: Experiment) -> None:
    asked: dict[str, Any] = {"experiment_ids": [str(experiment.pk)], "order_by": ["metrics.acc"], "max_results": 2}
    runs, token = search_runs(actor=READER, **asked)
    assert search_run_ids(actor=READER, **asked) == ([run.pk for run in runs], token)
    assert [run.name for run in full_runs([runs[1].pk, "none", runs[0].pk])] == [runs[1].name, runs[0].name]


def test_query_count_does_not_grow(three: list[Run], experiment: Experiment, new_run: NewRun) -> None:
    with CaptureQueriesContext(connection) as few:
        names(experiment, filter_string="metrics.acc > 0", order_by=["metrics.acc"])
    for _ in range(5):
        new_run()
    with CaptureQueriesContext(connection) as many:
        names(experiment)
    assert len(few) <= 8
    assert len(many) <= 7


WORDS = [
    "metrics.acc",
    "params.size",
    "tags.`a b`",
    "run_id",
    "end_time",
    "dataset.name",
    "=",
    "!=",
    ">",
    "LIKE",
    "ILIKE",
]
MORE = ["IN", "NOT IN", "IS NULL", "('a')", "'%_[]*?\\'", "'a'", "1", "-1e9", "AND", "9223372036854775807", "`x`", "''"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(words=st.lists(st.sampled_from(WORDS + MORE), max_size=7))
def test_any_filter_finds_or_is_refused(three: list[Run], experiment: Experiment, words: list[str]) -> None:
    try:
        names(experiment, filter_string=" ".join(words))
    except InvalidInput:
        return


def test_search_experiments(actor: Actor, experiment: Experiment) -> None:
    other = create_experiment(actor=actor, name="Churn-2", tags=[("team", "risk")])
    set_experiment_tag(actor=actor, experiment_id=experiment.pk, key="team", value="growth")

    def found(text: str = "", **more: Any) -> list[str]:
        rows, _ = search_experiments(
            actor=READER, filter_string=text, **{"max_results": 10, "order_by": ["name"], **more}
        )
        return sorted(row.name for row in rows)

    assert found() == ["Churn-2", "Default", "churn"]
    assert found("name LIKE 'churn%'") == ["churn"]
    assert found("name ILIKE 'churn%' AND tags.team = 'risk'") == ["Churn-2"]
    assert found(f"experiment_id IN ('{other.pk}', '99')") == ["Churn-2"]
    with pytest.raises(InvalidInput, match="must be a valid integer"):
        found("experiment_id = 'x'")
    assert found("tags.team IS NULL") == ["Default"]
    assert found("creation_time > 0 AND last_update_time > 0") == found()
    delete_experiment(actor=actor, experiment_id=other.pk)
    assert (found(view="DELETED_ONLY"), len(found(view="ALL"))) == (["Churn-2"], 3)
    assert len(found(order_by=["experiment_id DESC", "creation_time"])) == 2


@pytest.mark.parametrize("more", [{}, {"max_results": 0}, {"max_results": 1, "filter_string": "status = 'x'"}])
def test_bad_experiment_search(db: None, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        search_experiments(actor=READER, **more)


def test_history_pages(actor: Actor, run: Run) -> None:
    log_batch(actor=actor, run_id=run.pk, metrics=[Point("loss", n, 100 - n, step=n) for n in range(5)])
    first, token = metric_history(actor=READER, run_id=run.pk, key="loss", max_results=3)
    rest, end = metric_history(actor=READER, run_id=run.pk, key="loss", max_results=3, page_token=token)
    assert [one.step for one in first + rest] == [4, 3, 2, 1, 0]
    assert end == ""
    assert metric_history(actor=READER, run_id=run.pk, key="none") == ([], "")
    with pytest.raises(NotFound):
        metric_history(actor=READER, run_id="none", key="loss")


@pytest.mark.parametrize(("size", "steps"), [(1, [9]), (2, [0, 9]), (4, [0, 3, 6, 9]), (100, list(range(10)))])
def test_sampled_history_keeps_both_ends(actor: Actor, run: Run, size: int, steps: list[int]) -> None:
    log_batch(actor=actor, run_id=run.pk, metrics=[Point("loss", n, n, step=n) for n in range(10)])
    assert [one.step for one in sample_history(actor=READER, run_ids=[run.pk], key="loss", max_results=size)] == steps


def test_sampled_history_within_steps(actor: Actor, run: Run) -> None:
    log_batch(actor=actor, run_id=run.pk, metrics=[Point("loss", n, n, step=n) for n in range(10)])
    found = sample_history(actor=READER, run_ids=[run.pk], key="loss", max_results=2, start_step=2, end_step=5)
    assert [one.step for one in found] == [2, 5]
    bad: list[dict[str, Any]] = [
        {"start_step": 1},
        {"start_step": 5, "end_step": 1},
        {"max_results": 2501},
        {"run_ids": []},
    ]
    for more in bad:
        with pytest.raises(InvalidInput):
            sample_history(actor=READER, **{"run_ids": [run.pk], "key": "loss", **more})
