"""The artifact proxy: files up and down, lists, and paths that go nowhere."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.test import Client
from django.test.client import RequestFactory

from audit.models import Event
from core.actors import Actor
from core.errors import InvalidInput
from mlflow_api.artifacts import type_of
from mlflow_api.errors import ProtocolError
from mlflow_api.uploads import Upload
from tests.mlflow_api.conftest import Call, Send
from tracking.artifacts import seal_folder
from tracking.models import Artifact

ROOT = "/api/2.0/mlflow-artifacts/artifacts"
FILE = f"{ROOT}/0/r/artifacts/note.txt"


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def _managed(call: Call) -> str:
    """Return the number of an experiment that ada manages: only there may she delete files of no run."""
    return str(call("POST", "experiments/create", name="churn")[1]["experiment_id"])


@pytest.mark.parametrize("prefix", ["/api", "/ajax-api"])
def test_up_and_down(send: Send, prefix: str) -> None:
    where = FILE.replace("/api", prefix, 1)
    answer = send("PUT", where, b"hello")
    assert (answer.status_code, answer.content) == (200, b"")
    answer = send("GET", where)
    assert (answer.status_code, body(answer)) == (200, b"hello")
    assert answer["Content-Disposition"] == 'attachment; filename="note.txt"'
    assert answer["Content-Type"] == "text/plain"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Length"] == "5"


def test_empty_file_and_odd_names(send: Send) -> None:
    for name in ("empty", "a%20b.txt", "%E6%97%A5.bin", "100%25.txt"):
        assert send("PUT", f"{ROOT}/0/r/artifacts/{name}", b"").status_code == 200
        assert body(send("GET", f"{ROOT}/0/r/artifacts/{name}")) == b""
    assert "0/r/artifacts/100%.txt" in Artifact.objects.values_list("path", flat=True)


def test_list_is_relative_to_the_folder(send: Send, call: Call) -> None:
    run = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]
    root = f"0/{run['run_id']}/artifacts"
    for name in ("note.txt", "sub/deep/x"):
        send("PUT", f"{ROOT}/{root}/{name}", b"12")
    files = [{"path": "note.txt", "is_dir": False, "file_size": 2}, {"path": "sub", "is_dir": True}]
    assert send("GET", ROOT, QUERY_STRING=f"path={root}").json() == {"files": files}
    assert send("GET", ROOT, QUERY_STRING=f"path={root}/note.txt").json() == {}
    assert send("GET", ROOT, QUERY_STRING="path=none").json() == {}
    listed = call("GET", "artifacts/list", run_id=run["run_id"], path="sub")[1]
    assert listed == {"root_uri": run["artifact_uri"], "files": [{"path": "sub/deep", "is_dir": True}]}


def test_missing_and_folder(send: Send) -> None:
    send("PUT", FILE, b"x")
    answer = send("GET", f"{ROOT}/does/not/exist")
    assert (answer.status_code, answer.json()["message"]) == (404, "No such artifact: 'does/not/exist'")
    assert send("GET", f"{ROOT}/0/r").status_code == 400


def test_delete_is_idempotent(send: Send, call: Call) -> None:
    file = f"{ROOT}/{_managed(call)}/r/artifacts/note.txt"
    send("PUT", file, b"x")
    for _ in range(2):
        answer = send("DELETE", file)
        assert (answer.status_code, answer.json()) == (200, {})
    assert not Artifact.objects.exists()


ODD = [
    "a/../../x",
    "a/%2e%2e/%2e%2e/x",
    "%252e%252e%252fetc",
    "a%5c..%5cx",
    "/etc/passwd",
    "%2fetc",
    "C:/x",
    "a/./b",
]


@pytest.mark.parametrize("path", [*ODD, "a/", "%25252e%25252e/x", ".."])
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_no_path_leads_out(send: Send, tmp_path: Path, method: str, path: str) -> None:
    answer = send(method, f"{ROOT}/{path}", b"x")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "Invalid path" in answer.json()["message"]
    assert not list(tmp_path.rglob("*"))
    assert not Event.objects.filter(action__startswith="tracking").exists()


@pytest.mark.parametrize("path", ["..", "/etc", "a/../b", "%252e%252e", "..\\b"])
def test_no_list_leads_out(send: Send, call: Call, path: str) -> None:
    assert send("GET", ROOT, QUERY_STRING=f"path={path}").status_code == 400
    run_id = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]
    assert call("GET", "artifacts/list", run_id=run_id, path=path)[0] == 400


def test_sealed_folder_is_a_conflict(send: Send, call: Call, acting: Any, ada: Any) -> None:
    folder = f"{_managed(call)}/r/artifacts"
    file = f"{ROOT}/{folder}/note.txt"
    send("PUT", file, b"x")
    actor: Actor = acting(ada)
    seal_folder(actor=actor, prefix=folder, reason="model-version:fraud/1")
    for method, path in (("PUT", file), ("PUT", f"{ROOT}/{folder}/new"), ("DELETE", file)):
        answer = send(method, path, b"y")
        assert (answer.status_code, answer.json()["error_code"]) == (409, "RESOURCE_CONFLICT")
        assert "fraud" not in answer.json()["message"]  # whoever may write here need not know of the model
    assert send("PUT", file, b"x").status_code == 200
    assert body(send("GET", file)) == b"x"


def test_too_large(send: Send, settings: Any) -> None:
    settings.MAX_ARTIFACT_BYTES = 3
    assert send("PUT", FILE, b"four").status_code == 413
    assert not Artifact.objects.exists()


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_nobody_gets_in_without_a_token(client: Client, db: None, method: str) -> None:
    assert client.generic(method, FILE, b"x").status_code == 401
    assert not Artifact.objects.exists()


def test_a_file_takes_no_post(send: Send) -> None:
    answer = send("POST", FILE, b"x")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, PUT, DELETE")


def test_upload_that_breaks_off_is_no_shorter_file() -> None:
    environ = RequestFactory().put(FILE).environ
    request = WSGIRequest({**environ, "CONTENT_LENGTH": "100", "wsgi.input": io.BytesIO(b"only nine")})
    upload = Upload(request)
    assert upload.read(1000) == b"only nine"
    with pytest.raises(InvalidInput, match="ended 91 bytes before"):
        upload.read(1000)


def test_upload_without_a_length_needs_a_server_that_knows_its_end() -> None:
    request = RequestFactory().put(FILE, b"")
    request.META.update(
        {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(b"pieces")}
    )
    with pytest.raises(ProtocolError) as refused:
        Upload(request)
    assert refused.value.status == 411
    request.META["wsgi.input_terminated"] = True
    assert Upload(request).read(100) == b"pieces"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MLmodel", "text/plain"),
        ("conda.yaml", "text/plain"),
        ("x.json", "text/plain"),
        ("plot.png", "image/png"),
        ("model.pkl", "application/octet-stream"),
        ("x", "application/octet-stream"),
    ],
)
def test_type_follows_from_the_name(name: str, kind: str) -> None:
    assert type_of(name) == kind


@pytest.mark.django_db(transaction=True)
def test_uploads_of_one_path_at_once_all_succeed(send: Send) -> None:
    statuses: list[int] = []

    def put(number: int) -> None:
        statuses.append(send("PUT", FILE, str(number).encode() * 1000).status_code)
        connection.close()

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 4
    assert Artifact.objects.count() == 1
    assert len(body(send("GET", FILE))) == 1000
