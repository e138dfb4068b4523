"""Rows 10, 25, 27, 29 and 30 of the known attacks: hostile files go up as models, and workers look at them.

Nothing of theirs runs.
"""

from __future__ import annotations

import io
import lzma
import os
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.e2e.installation import Installation

pytestmark = pytest.mark.e2e

TAGS = [{"key": key, "value": "v1"} for key in ("dataset_version", "git_commit", "triggered_by")]
Files = dict[str, bytes]


class Touches:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.path}",)


def tarred(*members: tuple[str, bytes, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    return packed.getvalue()


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def hostile(canary: Path) -> dict[str, Files]:
    """Return what each model consists of, by what is wrong with it."""
    calls = pickle.dumps(Touches(canary))
    flavor = b"flavors:\n  python_function:\n    loader_module: os\n    code: ../../tmp\n    data: model.pkl\n"
    return {
        "a pickle that calls": {"model.pkl": calls},
        "the same by another name": {"notes.txt": calls},
        "a number that only the C unpickler reads": {
            "model.bin": b"I0x10\n0cposix\nsystem\n(S'touch " + str(canary).encode() + b"'\ntR."
        },
        "packed without a name for it": {"weights": zlib.compress(calls), "w.dat": lzma.compress(calls)},
        "a path out of the folder": {
            "MLmodel": b"flavors: {python_function: {python_model: /abs/model.pkl, loader_module: mlflow.pyfunc.model}}"
        },
        "a class that aborts": {"MLmodel": b"flavors: {xgboost: {model_class: os.abort, data: model.ubj}}"},
        "what nobody knows": {"model.xyz": b"\x00\x01\x02\x03"},
        "the same in a zip": {"model.pt": zipped(**{"archive/data.pkl": calls})},
        "the same two zips down": {"a.zip": zipped(**{"b.zip": zipped(**{"m.pkl": calls})})},
        "a tar that leads out": {"code.tar.gz": tarred(("../../x", tarfile.REGTYPE, ""))},
        "a tar of links": {"m.tar.gz": tarred(("l", tarfile.SYMTYPE, "/etc"), ("h", tarfile.LNKTYPE, "/etc/passwd"))},
        "a zip that leads out": {"code.zip": zipped(**{"../../x": b"x", "/etc/x": b"x"})},
        "a loader that is no flavor": {"MLmodel": flavor, "model.pkl": pickle.dumps(1)},
        "requirements from elsewhere": {"requirements.txt": b"--index-url http://127.0.0.1:9/\nscikit-learn\n"},
        "code beside the model": {"code/evil.py": f"import os; os.system('touch {canary}')".encode()},
        "a command for a name": {"$(touch canary).pkl": calls, "--help": calls},
    }


def test_no_hostile_file_is_staged_and_none_runs(server: Installation, tmp_path: Path) -> None:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {server.token(server.person('mallory'))}"
    canary = tmp_path / "canary"

    def call(path: str, **fields: object) -> requests.Response:
        return session.post(f"{server.url}/api/2.0/mlflow/{path}", json=fields, timeout=60)

    wrong = []
    for name, files in hostile(canary).items():
        run = call("runs/create", experiment_id="0", tags=TAGS).json()["run"]["info"]["run_id"]
        folder = f"0/{run}/artifacts/model"
        for path, data in {"MLmodel": b"flavors: {}\n", **files}.items():
            where = f"{server.url}/api/2.0/mlflow-artifacts/artifacts/{folder}/{path}"
            assert session.put(where, data, timeout=30).status_code == 200
            assert session.get(where, timeout=30).headers["Content-Disposition"].startswith("attachment")
        call("registered-models/create", name=name)
        made = call("model-versions/create", name=name, source=f"mlflow-artifacts:/{folder}", run_id=run)
        assert made.status_code == 200, made.text
        answer = call("model-versions/transition-stage", name=name, version="1", stage="Staging")
        if answer.status_code != 403 or "- safe-artifact: " not in answer.json()["message"]:
            wrong.append(f"{name}: {answer.status_code} {answer.text[:300]}")
    assert wrong == []
    assert not canary.exists()


def test_what_lies_in_the_data_directory_is_nobody_elses(server: Installation) -> None:
    assert server.data.stat().st_mode & 0o777 == 0o700


def test_a_large_body_of_somebody_unknown_is_refused_in_plain_words(server: Installation) -> None:
    body = b"x" * 50_000_000
    # No JSON body is that long, whoever sends it; a file may be, so there it counts who sends it.
    for method, path, refusal in (
        ("PUT", "mlflow-artifacts/artifacts/x", (401, "UNAUTHENTICATED")),
        ("POST", "mlflow/runs/create", (413, "INVALID_PARAMETER_VALUE")),
    ):
        for headers in ({}, {"Authorization": "Bearer nobody's"}):
            url = f"{server.url}/api/2.0/{path}"
            answer = requests.request(method, url, data=body, headers=headers, timeout=60)
            assert (answer.status_code, answer.json()["error_code"]) == refusal
