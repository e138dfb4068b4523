"""From a real `mlflow server`: afterwards a client reads here what it read there."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command

from accounts.models import User
from accounts.services import issue_token
from core.actors import system_actor
from importing.sources.base import Source
from importing.sources.http import Server
from importing.sources.rest import RestSource
from registry.models import ModelVersion
from tests.importing.mlflow_server import OldServer, fill, mlflow_server
from tracking.artifacts import read_artifact
from tracking.models import Run

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.django_db(transaction=True)]
_POSTGRES = "postgresql://postgres@127.0.0.1:5432/postgres"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def old_server(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldServer]:
    folder = tmp_path_factory.mktemp("old")
    artifacts = folder / "mlartifacts"
    with (
        _database(request.param, folder) as database,
        mlflow_server(database, folder, "--artifacts-destination", str(artifacts)) as url,
    ):
        yield OldServer(url, database, artifacts, fill(url))


@pytest.fixture(scope="module")
def unproxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldServer]:
    """A server whose clients write files where it says, without its help."""
    folder = tmp_path_factory.mktemp("unproxied")
    database, artifacts = f"sqlite:///{folder / 'mlflow.db'}", folder / "mlruns"
    options = ("--no-serve-artifacts", "--default-artifact-root", str(artifacts))
    with mlflow_server(database, folder, *options) as url:
        yield OldServer(url, database, artifacts, fill(url))


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    """Yield the URI of a new database of the old server, and drop it where that is needed."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'mlflow.db'}"
        return
    name = f"custody_test_old_{os.getpid()}"
    try:
        connection = psycopg.connect(_POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.Error as error:
        pytest.skip(f"no PostgreSQL answers at {_POSTGRES}: {error}")
    with connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield _POSTGRES.rpartition("/")[0] + f"/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def here(live_server: Any, ops: User) -> RestSource:
    """This server, read as a client would."""
    _, secret = issue_token(actor=system_actor("test"), user=ops, scopes=None, expires_in=timedelta(hours=1), label="")
    return RestSource(Server(live_server.url, {"MLFLOW_TRACKING_TOKEN": secret}))


def seen(source: Source) -> dict[str, Any]:
    """Return everything a client can read, without what an import has to change: ids of experiments,
    places of files.
    """
    experiments = list(source.experiments())
    runs = [run for found in experiments for run in source.runs(found.id)]
    return {
        "experiments": {found.old.name: found.old for found in experiments if found.old.name != "Default"},
        "runs": {run.old.id: run.old for run in runs},
        "histories": {run.old.id: sorted(map(plain, source.history(run)), key=str) for run in runs},
        "links": {run.old.id: source.links(run.old.id) for run in runs},
        "logged models": {
            model.old.id: (model.old, {run: [*map(plain, points)] for run, points in model.points.items()})
            for found in experiments
            for model in source.logged_models(found.id)
        },
    }


def plain(point: Any) -> dict[str, Any]:
    facts = point._asdict()
    facts.pop("model_id")  # the old server does not tell it in a history
    return {**facts, "value": "NaN" if math.isnan(point.value) else point.value}


def registered(source: Source) -> dict[str, Any]:
    models = {found.old.name: (found.old.description, found.old.tags, dict(found.aliases)) for found in source.models()}
    versions = {
        f"{found.old.name}/{found.old.version}": (
            found.stage,
            found.old.description,
            found.old.run_id,
            found.old.created_ms,
            {key: value for key, value in found.old.tags.items() if not key.startswith("custody.")},
        )
        for found in source.versions()
    }
    return {"models": models, "versions": versions}


@pytest.mark.parametrize("kind", ["address", "database"])
def test_a_client_reads_here_what_it_read_there(old_server: OldServer, here: RestSource, kind: str) -> None:
    there = RestSource(Server(old_server.url, {}))
    options = ["--artifacts-from", str(old_server.artifacts)] if kind == "database" else []
    place = old_server.url if kind == "address" else old_server.database
    call_command("import_mlflow", place, "--keep-stages", "--as", "ops", *options)
    assert seen(here) == seen(there)
    theirs, ours = registered(there), registered(here)
    theirs["versions"].pop("elsewhere/1")  # its bytes lie outside both servers
    theirs["versions"]["fraud-eu/1"] = ours["versions"]["fraud-eu/1"]  # a copy names the run of its original here
    assert ours == theirs


def test_files_are_byte_for_byte(old_server: OldServer, here: RestSource) -> None:
    call_command("import_mlflow", old_server.url)
    root = Run.objects.get(pk=old_server.ids["run"]).artifact_uri.removeprefix("mlflow-artifacts:/")
    assert read_artifact(f"{root}/classic/model.bin", 2**21) == bytes(range(256)) * 4096
    assert read_artifact(f"{root}/notes/read me.txt", 100) == b"seen with our own eyes"
    versions = ModelVersion.objects.exclude(artifact_digest="")
    assert versions.count() == ModelVersion.objects.count() == 5


def test_files_outside_the_proxy_come_through_the_pages_of_the_old_server(unproxied: OldServer, ops: User) -> None:
    call_command("import_mlflow", unproxied.url)
    assert Run.objects.get(pk=unproxied.ids["run"]).artifact_uri.startswith("mlflow-artifacts:/")
    assert ModelVersion.objects.filter(model__name="fraud").exclude(artifact_digest="").count() == 4


def test_files_outside_the_proxy_come_from_a_folder(unproxied: OldServer, ops: User) -> None:
    call_command("import_mlflow", unproxied.database, "--artifacts-from", str(unproxied.artifacts))
    assert ModelVersion.objects.filter(model__name="fraud").exclude(artifact_digest="").count() == 4
