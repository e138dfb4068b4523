import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from console.runs.presenters.comparison import compare_runs
from core.actors import Actor
from tests.approvals.conftest import NewVersion
from tests.console.conftest import SignedIn, text_of
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import READER
from tracking.limits import Point
from tracking.services.logging import log_metric, log_param

ONE, TWO = f"{1:032x}", f"{2:032x}"
PAGE = "/runs/compare/"


@pytest.fixture
@recorded_fixture
def two(new_version: NewVersion, by_ada: Actor) -> None:
    new_version(auc=0.93)
    new_version(auc=0.71)
    for run_id, depth, loss in ((ONE, "3", 0.4), (TWO, "5", 0.2)):
        log_param(actor=by_ada, run_id=run_id, key="depth", value=depth)
        log_param(actor=by_ada, run_id=run_id, key="seed", value="7")
        log_metric(actor=by_ada, run_id=run_id, point=Point(key="val_loss", value=loss, timestamp_ms=1))
        log_metric(actor=by_ada, run_id=run_id, point=Point(key="rows", value=loss, timestamp_ms=1))


def test_the_best_value_is_marked_where_the_direction_is_known(two: None) -> None:
    lines = {line.key: [value.best for value in line.values] for line in compare_runs(READER, [ONE, TWO]).metrics}
    assert lines == {"val_auc": [True, False], "val_loss": [False, True], "rows": [False, False]}


def test_differing_lines_come_before_equal_ones(two: None) -> None:
    found = compare_runs(READER, [ONE, TWO])
    assert [(line.key, line.values) for line in found.differing] == [("depth", ("3", "5"))]
    assert "seed" in [line.key for line in found.common]


def test_the_list_of_runs_links_to_the_comparison(two: None, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    listed = text_of(client.get("/runs/"))
    assert f'action="{PAGE}"' in listed
    assert f'name="run" value="{ONE}"' in listed
    page = text_of(client.get(PAGE, {"run": [ONE, TWO, ONE]}))
    assert "2 runs side by side" in page
    assert "Differences" in page


def test_a_comparison_without_runs_explains_what_to_do(ada: User, signed_in: SignedIn) -> None:
    assert "Choose two to six runs" in text_of(signed_in(ada).get(PAGE))


def test_an_unknown_run_is_not_found(ada: User, signed_in: SignedIn) -> None:
    assert signed_in(ada).get(PAGE, {"run": ["nowhere"]}).status_code == 404


def test_a_seventh_run_keeps_the_selection(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    versions = [new_version(auc=0.9 + number / 100) for number in range(7)]

    page = text_of(signed_in(ada).get(PAGE, {"run": [version.run_id for version in versions]}))

    assert "6 runs side by side" in page
    assert "7 runs are chosen. The first six are compared." in page
    assert page.count('name="run"') == 7
    assert page.count(" checked") == 6


def test_more_metrics_cost_no_more_queries(two: None, by_ada: Actor, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    client.get(PAGE, {"run": [ONE, TWO]})
    with CaptureQueriesContext(connection) as first:
        client.get(PAGE, {"run": [ONE, TWO]})
    for step in range(1, 4):
        for key in ("a", "b", "c"):
            log_metric(actor=by_ada, run_id=ONE, point=Point(key=key, value=step, timestamp_ms=step, step=step))
    with CaptureQueriesContext(connection) as more:
        client.get(PAGE, {"run": [ONE, TWO]})
    assert len(more) == len(first)
