"""Measures the read that serving layers make most often: the version that is in Production."""

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
    """Yield our speed against the fastest call of an `mlflow server` for it, and against an empty view.

    Both servers keep running and are called in turn, so that other load affects both.
    """
    with (
        tempfile.TemporaryDirectory() as directory,
        database("custody_bench_peer", Path(directory)) as peer_database,
        database("custody_bench_ours", Path(directory)) as our_database,
        mlflow_server(peer_database, Path(directory)) as peer_url,
        custody(our_database, Path(directory)) as (url, token),
    ):
        registry.seed(peer_url)
        registry.seed(url, token=token)
        found = alternate(_targets(peer_url, url, {"Authorization": f"Bearer {token}"}))
    where = f"current Production read, {CONNECTIONS} connections, {engine()}"
    quickest = max(("alias", "latest versions"), key=lambda way: found[way])
    yield Figure(where, found["production"], found[quickest], f"mlflow server ({quickest})", target=20)
    yield Figure(where, found["production"], found["empty"], "empty view on the same server", target=0.5)


def _targets(peer_url: str, url: str, headers: dict[str, str]) -> dict[str, tuple[str, dict[str, str]]]:
    name, api = registry.model_name(7), f"{peer_url}/api/2.0/mlflow/registered-models"
    return {
        "alias": (f"{api}/alias?name={name}&alias={registry.ALIAS}", {}),
        "latest versions": (f"{api}/get-latest-versions?name={name}&stages=Production", {}),
        "production": (f"{url}/api/v1/models/{name}/production", headers),
        "empty": (f"{url}/bench/empty", headers),
    }
