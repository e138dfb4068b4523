"""The MLflow protocol beside a real `mlflow server` on the same database engine: both run, and are asked in turn."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import many_runs, registry
from bench.databases import database, engine
from bench.figures import Figure
from bench.load import CONNECTIONS, alternate
from bench.servers import OURS, PEER, custody, mlflow_server
from bench.wire import Deed, Side, Wire, rates

_HISTORY = 1000
_STEPS = itertools.count()
_STAGES = "get-latest-versions?name={}&stages=Production"
_ALIAS = f"alias?name={{}}&alias={registry.ALIAS}"


@dataclass(frozen=True, slots=True)
class Place:
    """One of the two servers and the experiment in it that is worked in; ``database_url`` is where it keeps things."""

    side: Side
    experiment_id: str
    database_url: str

    def new_run(self) -> str:
        """Start a run and return its id."""
        asked = {"experiment_id": self.experiment_id, "user_id": "bench", "start_time": 1}
        made: dict[str, Any] = Wire(*self.side).post("runs/create", **asked)
        return str(made["run"]["info"]["run_id"])


Places = dict[str, Place]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure: what one client does over and over at a place, and how much more often we must do it."""

    name: str
    target: float
    deed_of: Callable[[Place], Deed]
    clients: int = 1
    among_many: bool = False


def figures(only: str = "") -> Iterator[Figure]:
    """Yield every figure of the area whose name contains ``only``."""
    measures = [measure for measure in MEASURES if only in measure.name]
    lookups = {name: path for name, path in LOOKUPS.items() if only in name}
    print(
        f"ours: {OURS}\nmlflow server: {PEER}\ndatabase of both: {engine()}, one server, its own settings", flush=True
    )
    with _places() as places:
        yield from (_figure(places, measure) for measure in measures if not measure.among_many)
        if lookups:
            yield from _lookups(places, lookups)
        among_many = [measure for measure in measures if measure.among_many]
        if among_many and engine() == "PostgreSQL":
            for name, statements in (("ours", many_runs.OURS), ("peer", many_runs.PEER)):
                many_runs.insert(places[name].database_url, statements, places[name].experiment_id)
            for measure in among_many:
                found = _figure(places, measure)
                yield found
                if measure.deed_of is _by_tag:
                    yield Figure(f"{found.name}: within 20 ms", found.ours, 50, "one in 20 ms", target=1)


@contextmanager
def _places() -> Iterator[Places]:
    with (
        tempfile.TemporaryDirectory() as directory,
        database("custody_bench_peer", Path(directory)) as peer_database,
        database("custody_bench_ours", Path(directory)) as our_database,
        mlflow_server(peer_database, Path(directory)) as peer_url,
        custody(our_database, Path(directory)) as (url, token),
    ):
        sides: dict[str, Side] = {"ours": (url, {"Authorization": f"Bearer {token}"}), "peer": (peer_url, {})}
        made = {name: Wire(*side).post("experiments/create", name="bench") for name, side in sides.items()}
        urls = {"ours": our_database, "peer": peer_database}
        yield {name: Place(side, str(made[name]["experiment_id"]), urls[name]) for name, side in sides.items()}


def _figure(places: Places, measure: Measure) -> Figure:
    deeds = {name: (place.side, measure.deed_of(place)) for name, place in places.items()}
    found = rates(deeds, clients=measure.clients)
    return Figure(f"{measure.name}, {engine()}", found["ours"], found["peer"], "mlflow server", measure.target)


def _life_cycle(place: Place) -> Deed:
    params = [{"key": f"p{number}", "value": str(number)} for number in range(5)]
    metrics = [{"key": f"m{number}", "value": 0.5, "timestamp": 1, "step": 0} for number in range(5)]

    def live(wire: Wire) -> None:
        asked = {"experiment_id": place.experiment_id, "user_id": "bench", "start_time": 1, "tags": []}
        run_id = wire.post("runs/create", **asked)["run"]["info"]["run_id"]
        wire.post("runs/log-batch", run_id=run_id, params=params, metrics=metrics, tags=[])
        wire.post("runs/update", run_id=run_id, run_uuid=run_id, status="FINISHED", end_time=2)

    return live


def _points() -> list[dict[str, object]]:
    first = next(_STEPS) * _HISTORY
    return [{"key": "loss", "value": 0.5, "timestamp": 1, "step": first + n} for n in range(_HISTORY)]


def _batch(place: Place) -> Deed:
    run_id = place.new_run()
    return lambda wire: wire.post("runs/log-batch", run_id=run_id, metrics=_points(), params=[], tags=[])


def _metric(place: Place) -> Deed:
    run_id = place.new_run()
    return lambda wire: wire.post(
        "runs/log-metric", run_id=run_id, run_uuid=run_id, key="one", value=0.5, timestamp=time.time_ns(), step=1
    )


def _get(place: Place) -> Deed:
    run_id = place.new_run()
    return lambda wire: wire.get("runs/get", run_id=run_id, run_uuid=run_id)


def _history(place: Place) -> Deed:
    run_id = place.new_run()
    Wire(*place.side).post("runs/log-batch", run_id=run_id, metrics=_points(), params=[], tags=[])
    return lambda wire: wire.get("metrics/get-history", run_id=run_id, run_uuid=run_id, metric_key="loss")


def _by_tag(place: Place) -> Deed:
    search = {"experiment_ids": [place.experiment_id], "filter": "tags.shard = '7'", "max_results": 100}
    return lambda wire: wire.post("runs/search", **search)


def _by_metric(place: Place) -> Deed:
    search = {"experiment_ids": [place.experiment_id], "order_by": ["metrics.auc DESC"], "max_results": 50}
    return lambda wire: wire.post("runs/search", **search)


MEASURES = (
    Measure("run life cycles, 4 clients", 10, _life_cycle, clients=4),
    Measure("log-batch of 1000 metrics", 10, _batch),
    Measure("log-metric", 8, _metric),
    Measure("runs/get", 8, _get),
    Measure("metric history of 1000", 5, _history),
    Measure(f"search by tag among {many_runs.RUNS:,} runs", 5, _by_tag, among_many=True),
    Measure(f"search by metric order among {many_runs.RUNS:,} runs", 3, _by_metric, among_many=True),
)
LOOKUPS = {"latest versions": _STAGES, "alias": _ALIAS}


def _lookups(places: Places, wanted: dict[str, str]) -> Iterator[Figure]:
    """Yield what serving fleets ask of MLflow's own API, under wrk."""
    for url, headers in (place.side for place in places.values()):
        registry.seed(url, token=headers.get("Authorization", "").removeprefix("Bearer "))
    for way, path in wanted.items():
        asked = f"/api/2.0/mlflow/registered-models/{path.format(registry.model_name(7))}"
        found = alternate({name: (place.side[0] + asked, place.side[1]) for name, place in places.items()})
        name = f"{way}, {CONNECTIONS} connections, {engine()}"
        yield Figure(name, found["ours"], found["peer"], "mlflow server", target=20)
