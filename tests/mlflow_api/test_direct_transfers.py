"""Uploads in parts and presigned downloads over the wire; 501 where the store is a directory."""

from typing import Any

import orjson
import pytest
import requests
from django.test import Client

from audit.models import Event
from tests.mlflow_api.conftest import Call, Send
from tests.mlflow_api.test_artifacts import FILE, body
from tests.s3_server import TestBucket
from tracking.models import Artifact, MultipartUpload

PROXY = "/api/2.0/mlflow-artifacts"
RUNS = "/api/2.0/mlflow/artifacts"
FOLDER = "0/r/artifacts/sub"


@pytest.fixture
def ask(send: Send) -> Any:
    """Return a function that posts JSON and returns status and JSON."""

    def post(path: str, /, **fields: Any) -> tuple[int, Any]:
        answer = send("POST", path, orjson.dumps(fields), content_type="application/json")
        return answer.status_code, answer.json()

    return post


def send_part(ask: Any, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    _, made = ask(f"{PROXY}/mpu/create/{FOLDER}", path="/home/ada/model.pkl", num_parts=1, **fields)
    (credential,) = made["credentials"]
    answer = requests.put(credential["url"], data=b"hello", headers=credential.get("headers"), timeout=20)
    part = {"part_number": credential["part_number"], "etag": answer.headers["ETag"], "url": credential["url"]}
    return made, part


@pytest.mark.s3
@pytest.mark.parametrize("local", ["/home/ada/model.pkl", "model.pkl", "C:\\Users\\ada\\model.pkl"])
def test_life_of_an_upload(bucket: TestBucket, ask: Any, send: Send, local: str) -> None:
    made, part = send_part(ask)
    MultipartUpload.objects.get(pk=made["upload_id"], path=f"{FOLDER}/model.pkl")
    ended = ask(f"{PROXY}/mpu/complete/{FOLDER}", path=local, upload_id=made["upload_id"], parts=[part])
    assert ended == (200, {})
    assert body(send("GET", f"{PROXY}/artifacts/{FOLDER}/model.pkl")) == b"hello"
    listing = send("GET", f"{PROXY}/artifacts", QUERY_STRING=f"path={FOLDER}").json()
    assert listing == {"files": [{"path": "model.pkl", "is_dir": False, "file_size": 5}]}


@pytest.mark.s3
def test_abort(bucket: TestBucket, ask: Any) -> None:
    made, part = send_part(ask)
    where = {"path": "model.pkl", "upload_id": made["upload_id"]}
    assert ask(f"{PROXY}/mpu/abort/{FOLDER}", **where) == (200, {})
    status, error = ask(f"{PROXY}/mpu/complete/{FOLDER}", **where, parts=[part])
    assert (status, error["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert not Artifact.objects.exists()


@pytest.mark.s3
@pytest.mark.parametrize(
    ("folder", "fields"),
    [
        ("a/../b", {"path": "x"}),
        ("%252e%252e", {"path": "x"}),
        (FOLDER, {}),
        (FOLDER, {"path": "x/.."}),
        (FOLDER, {"path": "x/"}),
        (FOLDER, {"path": 1}),
        (FOLDER, {"path": "x", "num_parts": 0}),
        (FOLDER, {"path": "x", "num_parts": "many"}),
        (FOLDER, {"path": "x", "num_parts": 10**12}),
    ],
)
def test_odd_beginnings(bucket: TestBucket, ask: Any, folder: str, fields: dict[str, Any]) -> None:
    status, error = ask(f"{PROXY}/mpu/create/{folder}", **fields)
    assert (status, error["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert bucket.unfinished == []


@pytest.mark.s3
@pytest.mark.parametrize(
    "fields",
    [
        {"parts": "x"},
        {"parts": [1]},
        {"parts": [{"part_number": 1}]},
        {"parts": [{"etag": "x"}]},
        {"parts": [{"part_number": 2**40, "etag": "x"}]},
        {"parts": [{"part_number": 1, "etag": "<x>&"}]},
        {},
    ],
)
def test_odd_ends(bucket: TestBucket, ask: Any, fields: dict[str, Any]) -> None:
    made, _ = send_part(ask)
    where = {"path": "model.pkl", "upload_id": made["upload_id"]}
    assert ask(f"{PROXY}/mpu/complete/{FOLDER}", **where, **fields)[0] == 400
    assert ask(f"{PROXY}/mpu/complete/a/../b", **where, parts=[{"part_number": 1, "etag": "x"}])[0] == 400
    assert ask(f"{PROXY}/mpu/complete/{FOLDER}", path="x", upload_id="\x00", parts=[])[0] == 400
    assert not Artifact.objects.exists()


@pytest.mark.s3
def test_presigned_downloads(bucket: TestBucket, ask: Any, send: Send, call: Call) -> None:
    run = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]
    send("PUT", f"{PROXY}/artifacts/0/{run}/artifacts/note.txt", b"hello")
    answer = send("GET", f"{PROXY}/presigned/0/{run}/artifacts/note.txt").json()
    assert (answer["file_size"], requests.get(answer["url"], timeout=20).content) == (5, b"hello")
    status, answer = ask(f"{RUNS}/presigned-download-url", run_id=run, path="note.txt", expiration=60)
    assert (status, answer["file_size"]) == (200, 5)
    assert requests.get(answer["presigned_url"], timeout=20).content == b"hello"
    assert "X-Amz-Expires=60" in answer["presigned_url"]
    for fields, expected in (
        ({"run_id": run, "path": "none"}, 404),
        ({"run_id": "none", "path": "note.txt"}, 404),
        ({"run_id": run, "path": "../x"}, 400),
        ({"run_id": run, "path": "note.txt", "expiration": 0}, 400),
        ({"run_id": run, "path": "note.txt", "expiration": 604_801}, 400),
    ):
        assert ask(f"{RUNS}/presigned-download-url", **fields)[0] == expected


@pytest.mark.s3
def test_a_bucket_takes_and_gives_files_as_a_directory_does(bucket: TestBucket, send: Send) -> None:
    assert send("PUT", FILE, b"hello").status_code == 200
    assert body(send("GET", FILE)) == b"hello"
    assert body(send("GET", FILE, headers={"Range": "bytes=1-2"})) == b"el"


DIRECT = [
    ("POST", f"{PROXY}/mpu/create/d1/x", "Multipart upload"),
    ("POST", f"{PROXY}/mpu/complete/d1/x", "Multipart upload"),
    ("POST", f"{PROXY}/mpu/abort/d1/x", "Multipart upload"),
    ("GET", f"{PROXY}/presigned/d1/x", "Multipart download"),
    ("POST", f"{RUNS}/presigned-download-url", "Presigned download"),
    ("POST", f"{RUNS}/presigned-upload-url", "Presigned upload"),
]


@pytest.mark.parametrize(("method", "path", "what"), DIRECT)
def test_a_directory_says_what_it_cannot(send: Send, method: str, path: str, what: str) -> None:
    for prefix in ("/api", "/ajax-api"):
        answer = send(method, path.replace("/api", prefix, 1), b"{}", content_type="application/json")
        assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
        assert answer.json()["message"] == f"{what} is not supported for the current artifact repository"


@pytest.mark.s3
@pytest.mark.parametrize(("method", "path", "what"), DIRECT)
def test_nobody_gets_in_without_a_token(bucket: TestBucket, db: None, method: str, path: str, what: str) -> None:
    assert Client().generic(method, path, b"{}", "application/json").status_code == 401
    assert bucket.unfinished == []


@pytest.mark.s3
def test_whole_files_are_never_taken_by_url(bucket: TestBucket, ask: Any) -> None:
    assert ask(f"{RUNS}/presigned-upload-url", run_id="r", path="x")[0] == 501
    assert not Event.objects.filter(action__startswith="tracking").exists()
