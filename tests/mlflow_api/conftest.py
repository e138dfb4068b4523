"""Calling the api as ada with an API token, the way clients do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson
import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from tests.conftest import Acting


class Call(Protocol):
    """Calls an RPC below ``/api/2.0/mlflow/`` and returns its status and JSON."""

    def __call__(self, method: str, path: str, /, **fields: Any) -> tuple[int, dict[str, Any]]: ...


class Send(Protocol):
    """Sends any request with ada's token; ``data`` is the raw body."""

    def __call__(self, method: str, path: str, /, data: bytes = b"", **options: Any) -> Any: ...


@pytest.fixture(autouse=True)
def own_store(settings: Any, tmp_path: Path) -> None:
    settings.ARTIFACT_URL = f"file://{tmp_path / 'artifacts'}"


@pytest.fixture
def send(client: Client, ada: User, acting: Acting) -> Send:
    token = issue_token(actor=acting(ada), user=ada, expires_in=timedelta(hours=1))[1]

    def request(method: str, path: str, /, data: bytes = b"", **options: Any) -> Any:
        content_type = options.pop("content_type", "application/octet-stream")
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        return client.generic(method, path, data, content_type, headers=headers, **options)

    return request


@pytest.fixture
def call(client: Client, send: Send) -> Call:
    def rpc(method: str, path: str, /, **fields: Any) -> tuple[int, dict[str, Any]]:
        where = f"/api/2.0/mlflow/{path}"
        if method == "GET":
            answer: HttpResponse = send("GET", where, QUERY_STRING=_query(fields))
        else:
            answer = send(method, where, orjson.dumps(fields), content_type="application/json")
        return answer.status_code, orjson.loads(answer.content)

    return rpc


def _query(fields: dict[str, Any]) -> str:
    return urlencode(fields, doseq=True)
