"""No route of MLflow's clients is answered with a page: what is not here says so in JSON, and what to do instead."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest
from django.test import Client

from mlflow_api.unsupported import UNSUPPORTED
from tests.mlflow_api.conftest import Send

pytestmark = pytest.mark.django_db
# Every route of clients 2.22.4, 3.17.2 and 3.18.0, read off their protobuf services
# (tests/e2e/clients/print_routes.py).
ROUTES = (Path(__file__).parents[1] / "client_routes.txt").read_text(encoding="utf-8").splitlines()
# What clients call besides.
OTHERS = [
    "POST /graphql",
    "POST /v1/metrics",
    "POST /v1/logs",
    "POST /v1/traces",
    "GET /api/3.0/mlflow/server-features",
    "POST /api/2.0/mlflow/client-telemetry/ingest",
    "GET /api/3.0/mlflow/skills/x/versions/1",
    "POST /api/3.0/mlflow/mcp-servers",
    "POST /api/4.0/mlflow/traces/x/search",
    "POST /gateway/chat/invocations",
    "GET /ajax-api/3.0/mlflow/gateway/endpoints/list",
]
NOT_HERE = [
    "datasets/create", "datasets/d-1/records", "datasets/search", "scorers/list", "scorers/register", "issues", "issues/i-1",
    "label-schemas/list", "review-queues/items/add", "prompt-optimization/jobs", "traces/metrics",
    "traces/calculate-filter-correlation", "gateway/secrets/create", "workspaces", "workspaces/w", "skills",
]  # fmt: skip


def example(route: str) -> tuple[str, str]:
    method, _, path = route.partition(" ")
    return method, re.sub(r"\{[^}]*\}|<[^>]*>", "x", path)


@pytest.mark.parametrize("route", [*ROUTES, *OTHERS])
def test_no_route_is_answered_with_a_page(send: Send, route: str) -> None:
    method, path = example(route)
    answer = send(method, path, b"{}", content_type="application/json")
    assert answer.status_code != 500, route
    if answer.status_code != 200:
        assert answer["Content-Type"] == "application/json", route
        assert set(orjson.loads(answer.content)) >= {"error_code", "message"}, route


@pytest.mark.parametrize("path", NOT_HERE)
@pytest.mark.parametrize("prefix", ["api", "ajax-api"])
def test_what_is_not_here_says_what_to_do_instead(send: Send, prefix: str, path: str) -> None:
    for method in ("GET", "POST", "PATCH", "DELETE"):
        answer = send(method, f"/{prefix}/3.0/mlflow/{path}", b"{}", content_type="application/json")
        assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
        what, instead = answer.json()["message"].split(" not supported by this server. ")
        assert what.endswith((" is", " are"))
        assert instead.endswith(".")


def test_who_does_not_say_who_they_are_is_told_nothing(client: Client) -> None:
    assert client.get("/api/3.0/mlflow/datasets/search").status_code == 401


def test_the_words_are_whole_sentences() -> None:
    for part in UNSUPPORTED:
        assert re.fullmatch(r"[A-Z].* (?:is|are) not supported by this server\. [A-Z].*\.", part.message)
