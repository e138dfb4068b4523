"""An address that is not an MLflow server: a clear word, and nothing changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from importing.models import Origin
from importing.sources.base import SourceError
from importing.sources.http import Server
from tests.e2e.installation import free_port
from tracking.models import Experiment


class Answers(BaseHTTPRequestHandler):
    """Answers by the first segment of the path: /401/…, /302/…, /html/…, /short/…."""

    def do_GET(self) -> None:
        what = self.path.split("/")[1]
        self.send_response(int(what) if what.isdigit() else 200)
        if what == "302":
            self.send_header("Location", "http://127.0.0.1:9/stolen")
        if what == "short":
            self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"<html>")

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("401", "refuses the credentials .*MLFLOW_TRACKING_TOKEN"),
        ("403", "refuses the credentials"),
        ("302", "redirects to another address"),
        ("404", "is not an MLflow server"),
        ("html", "did not answer with JSON"),
    ],
)
def test_a_server_that_refuses(url: str, path: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("import_mlflow", f"{url}/{path}")
    assert not Origin.objects.exists()
    assert Experiment.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("mysql://root@db/mlflow", "'mysql' is not a source"),
        ("mlflow.db", "is not a source"),
        ("sqlite:////nowhere/mlflow.db", "no SQLite database /nowhere/mlflow.db"),
        ("http://", "not the address of a server"),
        ("postgresql://nobody:secret@127.0.0.1:1/mlflow", "postgresql://127.0.0.1:1/mlflow cannot be reached"),
    ],
)
def test_a_place_that_is_none(place: str, message: str) -> None:
    with pytest.raises(CommandError, match=message) as told:
        call_command("import_mlflow", place)
    assert "secret" not in str(told.value)
    assert not Origin.objects.exists()


@pytest.mark.django_db
def test_a_database_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"")
    with pytest.raises(CommandError, match="is not an mlflow database: it has no table experiments"):
        call_command("import_mlflow", f"sqlite:///{tmp_path / 'other.db'}")
    (tmp_path / "other.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_mlflow", f"sqlite:///{tmp_path / 'other.db'}")


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importing.sources.http._PAUSES", ())
    with pytest.raises(SourceError, match="does not answer"):
        Server(f"http://127.0.0.1:{free_port()}", {}).get("/api")


def test_a_download_that_ends_early_is_no_file(url: str) -> None:
    with Server(url, {}).open("/short/file") as body:
        assert body.read(100) == b"<html>"
        with pytest.raises(SourceError, match="did not complete"):
            body.read(100)


@pytest.mark.parametrize(
    ("url", "environment", "header"),
    [
        ("http://h", {"MLFLOW_TRACKING_TOKEN": "t"}, "Bearer t"),
        ("http://h", {"MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_TRACKING_PASSWORD": "p"}, "Basic dTpw"),
        ("http://u:p@h", {"MLFLOW_TRACKING_TOKEN": "t"}, "Basic dTpw"),
        ("http://h", {}, None),
    ],
)
def test_credentials_are_those_of_a_client(url: str, environment: dict[str, str], header: str | None) -> None:
    server = Server(url, environment)
    assert server._headers.get("Authorization") == header
    assert server.url == "http://h"
