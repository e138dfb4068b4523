"""The question a serving layer asks all day: which version is in Production now?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import registry
from bench.databases import database, engine
from bench.figures import Figure
from bench.load import CONNECTIONS, alternate
from bench.servers import custody, mlflow_server


def figures() -> Iterator[Figure]:
    """Yield ours against the quickest way an `mlflow server` has to answer it, and against a view that does nothing."""
    with tempfile.TemporaryDirectory() as directory:
        peer = _measure_peer(Path(directory))
        ours = _measure_ours(Path(directory))
    where = f"current Production read, {CONNECTIONS} connections, {engine()}"
    quickest = max(peer, key=lambda name: peer[name])
    yield Figure(where, ours["production"], peer[quickest], f"mlflow server ({quickest})", target=20)
    yield Figure(where, ours["production"], ours["empty"], "empty view on the same server", target=0.5)


def _measure_peer(directory: Path) -> dict[str, float]:
    with database("custody_bench_peer", directory) as database_url, mlflow_server(database_url, directory) as url:
        registry.seed(url)
        name, api = registry.model_name(7), f"{url}/api/2.0/mlflow/registered-models"
        urls = {
            "alias": f"{api}/alias?name={name}&alias={registry.ALIAS}",
            "latest versions": f"{api}/get-latest-versions?name={name}&stages=Production",
        }
        return alternate(urls, headers={})


def _measure_ours(directory: Path) -> dict[str, float]:
    with database("custody_bench_ours", directory) as database_url, custody(database_url, directory) as (url, token):
        registry.seed(url, token=token)
        urls = {"production": f"{url}/api/v1/models/{registry.model_name(7)}/production", "empty": f"{url}/bench/empty"}
        return alternate(urls, headers={"Authorization": f"Bearer {token}"})
