"""Every route of /api/v1 against hostile bodies, queries and names: a problem document or an answer, never a 500."""

import os
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from accounts.services import issue_token
from audit.models import Event
from registry.services.models import create_model
from tests.conftest import Acting

SEED = int(os.environ.get("FUZZ_SEED", "20261123"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "30"))

TEXTS = (
    "",
    " ",
    "0",
    "-1",
    "x" * 700,
    "é" * 40_000,
    "\x00",
    "../..",
    "%2e%2e",
    "fuzzed",
    "model:fuzzed",
    "Production",
    "2026-13-40",
)
OTHERS: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    2**70,
    1.5,
    [],
    {},
    [[]],
    [None],
    {"a": {"b": []}},
    ["x"],
    {"x": "\x00"},
)
FIELDS = (
    *(
        "q",
        "name",
        "model",
        "version",
        "endpoint",
        "revision",
        "traffic_percent",
        "environment",
        "fields",
        "expected_number",
    ),
    *(
        "target",
        "comment",
        "archive_existing",
        "decision",
        "seen_digest",
        "source",
        "relation",
        "role",
        "reason",
        "kind",
    ),
    *(
        "max_nodes",
        "actor",
        "action",
        "outcome",
        "since",
        "until",
        "cursor",
        "stream",
        "object",
        "state",
        "page",
        "live",
    ),
    *(
        "format",
        "content",
        "answers",
        "rationale",
        "from_version",
        "from_revision",
    ),
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes() -> list[str]:
    """Return every /api/v1 pattern as Django writes it."""
    parts = [each for each in get_resolver().url_patterns if isinstance(each, URLResolver)]
    door = next(each for each in parts if str(each.pattern) == "api/v1/")
    found = [leaf for part in door.url_patterns for leaf in getattr(part, "url_patterns", [part])]
    return [f"/api/v1/{leaf.pattern}" for leaf in found if isinstance(leaf, URLPattern)]


def filled(route: str, rng: random.Random) -> str:
    """Return a URL for a pattern, with names that exist now and then."""
    values: dict[str, Callable[[], str]] = {
        "<str:name>": lambda: quote(rng.choice(["fuzzed", "none", "x" * 400, "\x00", "é"])),
        "<int:version>": lambda: rng.choice(["0", "1", "99999999999999999999"]),
        "<str:alias>": lambda: quote(rng.choice(["champion", "Champion", "latest", "x" * 400, "\x00", "é"])),
        "<urn:urn>": lambda: quote(rng.choice(["model:fuzzed", "model-version:fuzzed/1", "x", "endpoint:/a b", ":"])),
        "<walk:walk>": lambda: rng.choice(["ancestors", "descendants"]),
    }
    values["<str:experiment_id>"] = lambda: quote(rng.choice(["0", "1", "x", "9" * 30, "-1", "\x00"]))
    for mark, value in values.items():
        route = route.replace(mark, value())
    for mark in (
        "<int:number>",
        "<int:deployment_id>",
        "<int:request_id>",
        "<int:proposal_id>",
        "<int:check_run_id>",
        "<bigid:edge_id>",
        "<int:finding_id>",
        "<int:post_review_id>",
    ):
        route = route.replace(mark, rng.choice(["0", "1", "999999999999"]))
    return route


def hostile(rng: random.Random) -> dict[str, Any]:
    return {name: rng.choice([*TEXTS, *OTHERS]) for name in rng.sample(FIELDS, rng.randrange(1, 12))}


@pytest.fixture
def headers(ada: User, acting: Acting) -> dict[str, str]:
    create_model(actor=acting(ada), name="fuzzed")
    secret = issue_token(actor=acting(ada), user=ada, expires_in=timedelta(hours=1))[1]
    return {"Authorization": f"Bearer {secret}"}


# Errors in the format of OAuth instead of problem+json.
OWN_ERRORS = {"/api/v1/tokens/exchange": {"error", "error_description"}}


@pytest.mark.parametrize("route", routes())
def test_nothing_breaks_a_route(client: Client, headers: dict[str, str], route: str) -> None:
    rng = random.Random(f"{SEED} {route}")  # noqa: S311 - a fixed sequence, to repeat a failure
    client.raise_request_exception = False
    for _ in range(ROUNDS):
        method, url, values = rng.choice(METHODS), filled(route, rng), hostile(rng)
        before = Event.objects.filter(outcome="ok").count()
        if method == "GET":
            url += "?" + urlencode({key: str(value)[:3000] for key, value in values.items()})
            answer = client.get(url, headers=headers)
        else:
            body = orjson.dumps({key: value for key, value in values.items() if value != 2**70})
            broken = rng.choice([body, body, body, body[:-1], b"[1]", b"\xff", b"[" * 5000])
            answer = client.generic(method, url, broken, content_type="application/json", headers=headers)
        assert answer.status_code < 500, (method, url, values, answer.content[:500])
        if answer.status_code >= 400 and "json" in answer.headers.get("Content-Type", ""):
            names = OWN_ERRORS.get(route, {"title", "detail", "status"})
            assert names <= answer.json().keys(), (method, url, values, answer.content)
            assert Event.objects.filter(outcome="ok").count() == before, (method, url, values)
