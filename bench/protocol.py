"""The MLflow protocol beside a real `mlflow server` on the same database engine: both run, and are asked in turn."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import many_runs, registry
from bench.databases import database, engine
from bench.figures import Figure
from bench.load import CONNECTIONS, alternate
from bench.servers import custody, mlflow_server
from bench.wire import Deed, Side, Wire, rates

_HISTORY = 1000


def figures() -> Iterator[Figure]:
    """Yield every figure of the area."""
    with (
        tempfile.TemporaryDirectory() as directory,
        database("custody_bench_peer", Path(directory)) as peer_database,
        database("custody_bench_ours", Path(directory)) as our_database,
        mlflow_server(peer_database, Path(directory)) as peer_url,
        custody(our_database, Path(directory)) as (url, token),
    ):
        sides: dict[str, Side] = {"ours": (url, {"Authorization": f"Bearer {token}"}), "peer": (peer_url, {})}
        experiments = {name: Wire(*side).post("experiments/create", name="bench") for name, side in sides.items()}
        ids = {name: str(made["experiment_id"]) for name, made in experiments.items()}
        yield from _writing(sides, ids)
        yield from _lookups(sides)
        if engine() == "PostgreSQL":
            many_runs.insert(our_database, many_runs.OURS, ids["ours"])
            many_runs.insert(peer_database, many_runs.PEER, ids["peer"])
            yield from _searching(sides, ids)


def _figure(
    sides: dict[str, Side], name: str, target: float, deed_of: Callable[[str], Deed], *, clients: int = 1
) -> Figure:
    found = rates({side: (sides[side], deed_of(side)) for side in sides}, clients=clients)
    return Figure(f"{name}, {engine()}", found["ours"], found["peer"], "mlflow server", target)


def _life_cycle(experiment_id: str) -> Deed:
    params = [{"key": f"p{number}", "value": str(number)} for number in range(5)]
    metrics = [{"key": f"m{number}", "value": 0.5, "timestamp": 1, "step": 0} for number in range(5)]

    def live(wire: Wire) -> None:
        made = wire.post("runs/create", experiment_id=experiment_id, user_id="bench", start_time=1, tags=[])
        run_id = made["run"]["info"]["run_id"]
        wire.post("runs/log-batch", run_id=run_id, params=params, metrics=metrics, tags=[])
        wire.post("runs/update", run_id=run_id, run_uuid=run_id, status="FINISHED", end_time=2)

    return live


def _new_run(side: Side, experiment_id: str) -> str:
    made: dict[str, Any] = Wire(*side).post("runs/create", experiment_id=experiment_id, user_id="bench", start_time=1)
    return str(made["run"]["info"]["run_id"])


def _writing(sides: dict[str, Side], ids: dict[str, str]) -> Iterator[Figure]:
    runs = {name: _new_run(side, ids[name]) for name, side in sides.items()}
    steps = iter(range(10**9))

    def batch(name: str) -> Deed:
        def log(wire: Wire) -> None:
            first = next(steps) * _HISTORY
            points = [{"key": "loss", "value": 0.5, "timestamp": 1, "step": first + n} for n in range(_HISTORY)]
            wire.post("runs/log-batch", run_id=runs[name], metrics=points, params=[], tags=[])

        return log

    def metric(name: str) -> Deed:
        run_id = runs[name]
        return lambda wire: wire.post(
            "runs/log-metric", run_id=run_id, run_uuid=run_id, key="one", value=0.5, timestamp=time.time_ns(), step=1
        )

    def history(name: str) -> Deed:
        run_id = _new_run(sides[name], ids[name])
        points = [{"key": "loss", "value": 0.5, "timestamp": 1, "step": n} for n in range(_HISTORY)]
        Wire(*sides[name]).post("runs/log-batch", run_id=run_id, metrics=points, params=[], tags=[])
        return lambda wire: wire.get("metrics/get-history", run_id=run_id, run_uuid=run_id, metric_key="loss")

    few = {name: _new_run(side, ids[name]) for name, side in sides.items()}
    yield _figure(sides, "run life cycles, 4 clients", 10, lambda name: _life_cycle(ids[name]), clients=4)
    yield _figure(sides, "log-batch of 1000 metrics", 10, batch)
    yield _figure(sides, "log-metric", 8, metric)
    yield _figure(sides, "runs/get", 8, lambda name: lambda wire: wire.get("runs/get", run_id=few[name]))
    yield _figure(sides, "metric history of 1000", 5, history)


def _lookups(sides: dict[str, Side]) -> Iterator[Figure]:
    """Yield what serving fleets ask of MLflow's own API, under wrk."""
    ways = {"latest versions": "get-latest-versions?name={}&stages=Production", "alias": "alias?name={}&alias=champion"}
    for url, headers in sides.values():
        registry.seed(url, token=headers.get("Authorization", "").removeprefix("Bearer "))
    for way, path in ways.items():
        asked = f"/api/2.0/mlflow/registered-models/{path.format(registry.model_name(7))}"
        found = alternate({name: (url + asked, headers) for name, (url, headers) in sides.items()})
        name = f"{way}, {CONNECTIONS} connections, {engine()}"
        yield Figure(name, found["ours"], found["peer"], "mlflow server", target=20)


def _searching(sides: dict[str, Side], ids: dict[str, str]) -> Iterator[Figure]:
    def by_tag(name: str) -> Deed:
        search = {"experiment_ids": [ids[name]], "filter": "tags.shard = '7'", "max_results": 100}
        return lambda wire: wire.post("runs/search", **search)

    def by_metric(name: str) -> Deed:
        search = {"experiment_ids": [ids[name]], "order_by": ["metrics.auc DESC"], "max_results": 50}
        return lambda wire: wire.post("runs/search", **search)

    tagged = _figure(sides, f"search by tag among {many_runs.RUNS:,} runs", 5, by_tag)
    yield tagged
    yield Figure(f"{tagged.name}: within 20 ms", tagged.ours, 50, "one in 20 ms", target=1)
    yield _figure(sides, f"search by metric order among {many_runs.RUNS:,} runs", 3, by_metric)
