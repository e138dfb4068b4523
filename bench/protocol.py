"""Compares the MLflow protocol with a real `mlflow server` on the same database engine.

Both run and are called in turn. Custody is called by an ordinary account that may edit the runs of others because of a
grant to its group, and for comparison by a superuser, whose levels are not looked up.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import many_runs, registry
from bench.databases import database, engine
from bench.figures import Figure
from bench.load import CONNECTIONS, alternate
from bench.servers import OURS, PEER, custody, member_token, mlflow_server
from bench.wire import Call, Side, Wire, rates

_HISTORY = 1000
_GROUP = "operators"
_STEPS = itertools.count()
_STAGES = "get-latest-versions?name={}&stages=Production"
_ALIAS = f"alias?name={{}}&alias={registry.ALIAS}"


@dataclass(frozen=True, slots=True)
class Server:
    """One of the two servers, with its database and the experiment that the calls use."""

    side: Side
    owner: Side
    """Who creates the runs that `side` reads and changes."""
    experiment_id: str
    database_url: str

    def new_run(self) -> str:
        """Start a run and return its id."""
        body = {"experiment_id": self.experiment_id, "user_id": "bench", "start_time": 1}
        created: dict[str, Any] = Wire(*self.owner).post("runs/create", **body)
        return str(created["run"]["info"]["run_id"])


Servers = dict[str, Server]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure: a call that a client repeats, and the ratio of speeds that Custody must reach."""

    name: str
    target: float
    call_of: Callable[[Server], Call]
    clients: int = 1
    among_many: bool = False


def figures(only: str = "") -> Iterator[Figure]:
    """Yield every figure of the area whose name contains ``only``."""
    measures = [measure for measure in MEASURES if only in measure.name]
    lookups = {name: path for name, path in LOOKUPS.items() if only in name}
    print(
        f"ours: {OURS}\nmlflow server: {PEER}\ndatabase of both: {engine()}, one server, its own settings", flush=True
    )
    with _servers() as servers:
        for measure in measures:
            if not measure.among_many:
                yield _figure(servers, measure)
                yield _cost_of_levels(servers["ours"], measure)
        if lookups:
            yield from _lookups(servers, lookups)
        among_many = [measure for measure in measures if measure.among_many]
        if among_many and engine() == "PostgreSQL":
            for name, statements in (("ours", many_runs.OURS), ("peer", many_runs.PEER)):
                many_runs.insert(servers[name].database_url, statements, servers[name].experiment_id)
            for measure in among_many:
                speeds = _figure(servers, measure)
                yield speeds
                if measure.call_of is _by_tag:
                    yield Figure(f"{speeds.name}: within 20 ms", speeds.ours, 50, "one in 20 ms", target=1)


@contextmanager
def _servers() -> Iterator[Servers]:
    with (
        tempfile.TemporaryDirectory() as directory,
        database("custody_bench_peer", Path(directory)) as peer_database,
        database("custody_bench_ours", Path(directory)) as our_database,
        mlflow_server(peer_database, Path(directory)) as peer_url,
        custody(our_database, Path(directory)) as (url, token),
    ):
        member = member_token(our_database, Path(directory), name="bench-member", group=_GROUP)
        yield {
            "ours": _server((url, _bearer(member)), (url, _bearer(token)), our_database),
            "peer": _server((peer_url, {}), (peer_url, {}), peer_database),
        }


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _server(side: Side, owner: Side, database_url: str) -> Server:
    """Create the experiment; where its owner is somebody else, the group of the account gets the level `edit`."""
    experiment = str(Wire(*owner).post("experiments/create", name="bench")["experiment_id"])
    if owner != side:
        path = f"/api/v1/experiments/{experiment}/permissions"
        Wire(*owner).put(path, kind="group", name=_GROUP, level="edit")
    return Server(side, owner, experiment, database_url)


def _figure(servers: Servers, measure: Measure) -> Figure:
    calls = {name: (server.side, measure.call_of(server)) for name, server in servers.items()}
    speeds = rates(calls, clients=measure.clients)
    return Figure(f"{measure.name}, {engine()}", speeds["ours"], speeds["peer"], "mlflow server", measure.target)


def _cost_of_levels(ours: Server, measure: Measure) -> Figure:
    """Return our speed for the account with a grant beside that for the superuser."""
    servers = {"granted": ours, "superuser": replace(ours, side=ours.owner)}
    speeds = rates({name: (it.side, measure.call_of(it)) for name, it in servers.items()}, clients=measure.clients)
    return Figure(f"{measure.name}, cost of levels", speeds["granted"], speeds["superuser"], "superuser", target=0.9)


def _life_cycle(server: Server) -> Call:
    params = [{"key": f"p{number}", "value": str(number)} for number in range(5)]
    metrics = [{"key": f"m{number}", "value": 0.5, "timestamp": 1, "step": 0} for number in range(5)]

    def live(wire: Wire) -> None:
        body = {"experiment_id": server.experiment_id, "user_id": "bench", "start_time": 1, "tags": []}
        run_id = wire.post("runs/create", **body)["run"]["info"]["run_id"]
        wire.post("runs/log-batch", run_id=run_id, params=params, metrics=metrics, tags=[])
        wire.post("runs/update", run_id=run_id, run_uuid=run_id, status="FINISHED", end_time=2)

    return live


def _points() -> list[dict[str, object]]:
    first = next(_STEPS) * _HISTORY
    return [{"key": "loss", "value": 0.5, "timestamp": 1, "step": first + n} for n in range(_HISTORY)]


def _batch(server: Server) -> Call:
    run_id = server.new_run()
    return lambda wire: wire.post("runs/log-batch", run_id=run_id, metrics=_points(), params=[], tags=[])


def _metric(server: Server) -> Call:
    run_id = server.new_run()
    return lambda wire: wire.post(
        "runs/log-metric", run_id=run_id, run_uuid=run_id, key="one", value=0.5, timestamp=time.time_ns(), step=1
    )


def _get(server: Server) -> Call:
    run_id = server.new_run()
    return lambda wire: wire.get("runs/get", run_id=run_id, run_uuid=run_id)


def _history(server: Server) -> Call:
    run_id = server.new_run()
    Wire(*server.side).post("runs/log-batch", run_id=run_id, metrics=_points(), params=[], tags=[])
    return lambda wire: wire.get("metrics/get-history", run_id=run_id, run_uuid=run_id, metric_key="loss")


def _by_tag(server: Server) -> Call:
    search = {"experiment_ids": [server.experiment_id], "filter": "tags.shard = '7'", "max_results": 100}
    return lambda wire: wire.post("runs/search", **search)


def _by_metric(server: Server) -> Call:
    search = {"experiment_ids": [server.experiment_id], "order_by": ["metrics.auc DESC"], "max_results": 50}
    return lambda wire: wire.post("runs/search", **search)


MEASURES = (
    Measure("run life cycles, 4 clients", 15, _life_cycle, clients=4),
    Measure("log-batch of 1000 metrics", 15, _batch),
    Measure("log-metric", 8, _metric),
    Measure("runs/get", 8, _get),
    Measure("metric history of 1000", 5, _history),
    Measure(f"search by tag among {many_runs.RUNS:,} runs", 10, _by_tag, among_many=True),
    Measure(f"search by metric order among {many_runs.RUNS:,} runs", 10, _by_metric, among_many=True),
)
LOOKUPS = {"latest versions": _STAGES, "alias": _ALIAS}


def _lookups(servers: Servers, paths: dict[str, str]) -> Iterator[Figure]:
    """Yield the figures of the calls that serving layers make to MLflow's API, measured with wrk."""
    for url, headers in (server.owner for server in servers.values()):
        registry.seed(url, token=headers.get("Authorization", "").removeprefix("Bearer "))
    for lookup, path in paths.items():
        address = f"/api/2.0/mlflow/registered-models/{path.format(registry.model_name(7))}"
        speeds = alternate({name: (server.side[0] + address, server.side[1]) for name, server in servers.items()})
        name = f"{lookup}, {CONNECTIONS} connections, {engine()}"
        yield Figure(name, speeds["ours"], speeds["peer"], "mlflow server", target=20)
