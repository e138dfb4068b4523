"""File names with percent signs and other odd characters, at every door: sent, listed, fetched, registered, deleted."""

from urllib.parse import quote, unquote

import pytest

from tests.mlflow_api.conftest import Call, Send
from tests.mlflow_api.test_artifacts import ROOT, body
from tracking.models import Artifact

NAMES = [
    "lr%1e-3.png",
    "50%off.txt",
    "dogs%20x",
    "dog%step%100%timestamp%100",
    "dogs%step%3%timestamp%17%a1b2.png",
    "ü 日本?b+c;d=e&f.txt",
    "a\\b",
    "~ {x}[1]'\"<b>",
]
FOLDERS = ["images", "50%off", "a%20b/%25c"]


@pytest.fixture
def run(call: Call) -> dict[str, str]:
    made: dict[str, str] = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]
    return made


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_door_of_a_run(send: Send, call: Call, run: dict[str, str], folder: str, name: str) -> None:
    root, path = f"0/{run['run_id']}/artifacts", f"{folder}/{name}"
    where = f"{ROOT}/{quote(f'{root}/{path}')}"
    assert send("PUT", where, b"x").status_code == 200
    assert body(send("GET", where)) == b"x"
    files = [{"path": name, "is_dir": False, "file_size": 1}]
    assert send("GET", ROOT, QUERY_STRING=f"path={quote(f'{root}/{folder}')}").json() == {"files": files}
    listed = call("GET", "artifacts/list", run_id=run["run_id"], path=folder)[1]["files"]
    assert listed == [{"path": path, "is_dir": False, "file_size": 1}]
    assert body(send("GET", "/get-artifact", QUERY_STRING=f"run_id={run['run_id']}&path={quote(path)}")) == b"x"
    uploaded = f"run_uuid={run['run_id']}&path={quote('up/' + path)}"
    assert send("POST", "/ajax-api/2.0/mlflow/upload-artifact", b"y", QUERY_STRING=uploaded).status_code == 200
    assert send("DELETE", where).status_code == 200
    assert [*Artifact.objects.values_list("path", flat=True)] == [f"{root}/up/{path}"]


@pytest.mark.parametrize("name", NAMES[:5])
def test_clients_ask_for_what_a_listed_name_reads_as(send: Send, call: Call, run: dict[str, str], name: str) -> None:
    root = f"0/{run['run_id']}/artifacts"
    send("PUT", f"{ROOT}/{quote(f'{root}/a%20b/{name}')}", b"x")
    listed = call("GET", "artifacts/list", run_id=run["run_id"], path="a b")[1]["files"]
    assert listed == [{"path": f"a b/{name}", "is_dir": False, "file_size": 1}]
    assert body(send("GET", f"{ROOT}/{quote(f'{root}/a b/{unquote(name)}')}")) == b"x"
    assert send("DELETE", f"{ROOT}/{quote(f'{root}/a b/{unquote(name)}')}").status_code == 200
    assert Artifact.objects.count() == 1  # only its own name takes a file away


@pytest.mark.parametrize("name", NAMES)
def test_every_door_of_a_version(send: Send, call: Call, run: dict[str, str], name: str) -> None:
    root, path = f"0/{run['run_id']}/artifacts", f"50%off/{name}"
    send("PUT", f"{ROOT}/{quote(f'{root}/{path}')}", b"x")
    call("POST", "registered-models/create", name="churn")
    source = f"{run['artifact_uri']}/50%off"
    status, made = call("POST", "model-versions/create", name="churn", source=source, run_id=run["run_id"])
    assert (status, made["model_version"]["version"]) == (200, "1")
    asked = f"name=churn&version=1&path={quote(name)}"
    assert body(send("GET", "/model-versions/get-artifact", QUERY_STRING=asked)) == b"x"
    for other in (path, f"50%off//{name}", f"50%off/new{name}"):  # the same place by another spelling is sealed as well
        answer = send("PUT", f"{ROOT}/{quote(f'{root}/{other}')}", b"changed")
        assert answer.status_code == 409


@pytest.mark.parametrize("name", NAMES)
def test_every_door_of_a_logged_model(send: Send, call: Call, name: str) -> None:
    model = call("POST", "logged-models", experiment_id="0")[1]["model"]["info"]["model_id"]
    send("PUT", f"{ROOT}/{quote(f'0/models/{model}/artifacts/{name}')}", b"x")
    listed = call("GET", f"logged-models/{model}/artifacts/directories")[1]["files"]
    assert listed == [{"path": name, "is_dir": False, "file_size": 1}]
    where = f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files"
    assert body(send("GET", where, QUERY_STRING=f"artifact_file_path={quote(name)}")) == b"x"
