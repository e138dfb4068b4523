"""Clients of the MLflow registry API, ada's among them. Import the fixtures you need."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from tests.conftest import Acting

Json = dict[str, Any]
MODELS = "registered-models"
VERSIONS = "model-versions"


class Api:
    """Calls RPCs of one user by method and path and returns (status, JSON)."""

    def __init__(self, secret: str) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})

    def __call__(self, method: str, path: str, /, prefix: str = "/api/2.0/mlflow/", **fields: Any) -> tuple[int, Json]:
        if method == "GET":
            answer = self.client.get(prefix + path, fields)
        else:
            answer = self.client.generic(method, prefix + path, _json(fields), content_type="application/json")
        return answer.status_code, answer.json()

    def ok(self, method: str, path: str, /, **fields: Any) -> Json:
        status, body = self(method, path, **fields)
        assert status == 200, body
        return body

    def refused(self, method: str, path: str, /, **fields: Any) -> tuple[int, str]:
        status, body = self(method, path, **fields)
        assert set(body) >= {"error_code", "message"}, body
        return status, body["error_code"]


def _json(fields: Json) -> bytes:
    return json.dumps(fields).encode()


ApiOf = Callable[[User], Api]


@pytest.fixture
def api_of(acting: Acting) -> ApiOf:
    def api(user: User) -> Api:
        return Api(issue_token(actor=acting(user), user=user, expires_in=timedelta(hours=1))[1])

    return api


@pytest.fixture
def api(api_of: ApiOf, ada: User) -> Api:
    return api_of(ada)
