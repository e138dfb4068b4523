"""Generated searches, asked of a real `mlflow server` 3.17.2 and of an installation: the same things in the same order.

Both hold the same data. Filters are made from the grammar that both have; what Custody takes besides, and what it
refuses, stands in docs/migrating.md and is tested there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from tests.e2e.installation import Installation
from tests.e2e.searches import grammar
from tests.e2e.searches.filled import Filled
from tests.importing.mlflow_server import mlflow_server

pytestmark = [pytest.mark.e2e, pytest.mark.long]
Both = tuple[Filled, Filled]
_MANY = settings(max_examples=200, deadline=None, suppress_health_check=[*HealthCheck], derandomize=True)
SEARCHES: dict[str, tuple[SearchStrategy[str], SearchStrategy[list[str]]]] = {
    "runs": (grammar.RUNS, grammar.RUN_ORDER),
    "experiments": (grammar.EXPERIMENTS, grammar.EXPERIMENT_ORDER),
    "models": (grammar.MODELS, grammar.MODEL_ORDER),
    "versions": (grammar.VERSIONS, grammar.VERSION_ORDER),
    "logged_models": (grammar.LOGGED_MODELS, grammar.LOGGED_MODEL_ORDER),
    "traces": (grammar.TRACES, grammar.TRACE_ORDER),
}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, migrated: Path | None) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("searches")
    ours = Installation(folder / "data", environment={"CUSTODY_DEFAULT_POLICIES": "off"}, migrated=migrated)
    options = ("--artifacts-destination", str(folder / "theirs"))
    with mlflow_server(f"sqlite:///{folder / 'mlflow.db'}", folder, *options) as url, ours:
        yield Filled(url, {}), Filled(ours.url, {"Authorization": f"Bearer {ours.token('admin')}"})


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_search_answers_the_same(both: Both, kind: str) -> None:
    words, order = SEARCHES[kind]

    @_MANY
    @given(text=words, keys=order)
    def ask(text: str, keys: list[str]) -> None:
        theirs, ours = (getattr(side, kind)(filter=text, order_by=keys) for side in both)
        assert ours == theirs, f"{text!r} by {keys}"

    ask()


def test_both_are_filled(both: Both) -> None:
    for kind in SEARCHES:
        theirs, ours = (getattr(side, kind)(filter="", order_by=[]) for side in both)
        assert sorted(theirs[1]) == sorted(ours[1])
        assert len(ours[1]) > 3, kind
