"""Every method of /api/v1 and every RPC of MLflow's protocol against hostile values of the fields that it declares:
never a 5xx.

Each request is undone, so that what the fixtures made is there for all of them: a served model with an open request, a
run, a logged model, a trace. The values are right now and then, so that the requests come past the validation.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from urllib.parse import quote, urlencode

import orjson
import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver
from django.utils.regex_helper import normalize
from rest_framework import serializers

from accounts.models import User
from accounts.services import issue_token
from approvals.models import TransitionRequest
from core.rest import Declaration
from mlflow_api import urls  # noqa: F401 - registers every RPC
from mlflow_api.dispatch import REGISTERED, Rpc
from registry.models import ModelVersion
from tests.approvals.conftest import NewVersion, _own_store, by_ada, new_version, serving
from tests.architecture.test_routes import leaves
from tests.config.test_fuzz_pages import EXISTING, VALUES, request_
from tests.mlflow_api.wire.test_fuzz import FIELDS as RPC_FIELDS
from tests.mlflow_api.wire.test_fuzz import VALID, hostile
from tests.signed_in import actor_of
from tracking.models import Run
from tracking.services.logged_models import create_logged_model

__all__ = ["NewVersion", "_own_store", "by_ada", "new_version", "request_", "serving"]  # fixtures

SEED = int(os.environ.get("FUZZ_SEED", "20261129"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "300"))
LONG_ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "15000"))
METHODS = ("get", "post", "put", "patch", "delete")
# 501: what MLflow's protocol has for a store that is no bucket.
FINE = {501}

Json = dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """One method of one route of /api/v1, and what it takes."""

    method: str
    template: str
    names: tuple[str, ...]
    takes: Declaration


def endpoints() -> list[Endpoint]:
    """Return every method of every route."""
    found = []
    for expression in leaves(get_resolver().url_patterns):
        for template, names in normalize(expression) if expression.startswith("api/v1/") else ():
            if template == "api/v1/schema":  # takes seconds each time, and no values
                continue
            view = _view(str(template), names)
            for method in METHODS if view else ():
                if handler := getattr(view, method, None):
                    takes = getattr(handler, "_declared_input", Declaration())
                    found.append(Endpoint(method.upper(), str(template), tuple(names), takes))
    return found


def _view(template: str, names: list[str]) -> type | None:
    """Return the class behind a route, by a path that its converters take."""
    for value in ("1", "00000000-0000-0000-0000-000000000001", "run:1", "ancestors"):
        try:
            found = get_resolver().resolve("/" + template % dict.fromkeys(names, value))
        except Exception as error:
            if type(error).__name__ != "Resolver404":
                raise
        else:
            return cast("type | None", getattr(found.func, "cls", None))
    return None


def test_every_route_of_the_api_is_tried() -> None:
    schema = {line for line in leaves(get_resolver().url_patterns) if line.startswith("api/v1/")}
    assert len({endpoint.template for endpoint in endpoints()}) >= len(schema) * 0.95
    assert sum(endpoint.takes.body is not None for endpoint in endpoints()) > 30


def value_of(field: Any, rng: random.Random, depth: int = 0) -> Any:
    """Return a value for a field: of its type three times of five, else anything."""
    if rng.random() < 0.4 or depth > 5:
        return hostile(rng) if rng.random() < 0.5 else rng.choice(VALUES)
    if isinstance(field, serializers.ListSerializer | serializers.ListField):
        return [value_of(field.child, rng, depth + 1) for _ in range(rng.randrange(3))]
    if isinstance(field, serializers.Serializer):
        return record_of(field, rng, depth + 1)
    if isinstance(field, serializers.ChoiceField):
        return rng.choice([*field.choices, "none"])
    if isinstance(field, serializers.DictField | serializers.JSONField):
        return {rng.choice(EXISTING): rng.choice([1, "x", [], {}, None])}
    kinds: list[tuple[type, list[Any]]] = [
        (serializers.BooleanField, [True, False]),
        (serializers.IntegerField, [0, 1, 2, 2**31]),
        (serializers.FloatField, [0.5, 1e308]),
        (serializers.DateTimeField, ["2026-11-29T00:00:00Z", "9999-12-31T23:59:59Z"]),
        (serializers.DateField, ["2027-01-01", "0001-01-01"]),
    ]
    return rng.choice(next((values for kind, values in kinds if isinstance(field, kind)), EXISTING))


def record_of(serializer: Any, rng: random.Random, depth: int = 0) -> Json:
    return {
        name: value_of(field, rng, depth)
        for name, field in serializer.fields.items()
        if not field.read_only and rng.random() < (0.95 if field.required else 0.4)
    }


def plain(value: object) -> object:
    """Return a value without the integers that the writer of JSON cannot write."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    if isinstance(value, dict):
        return {str(key).encode("utf-8", "replace").decode(): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def body_of(values: object, rng: random.Random) -> bytes:
    body = orjson.dumps(plain(values))
    return body if rng.random() < 0.95 else rng.choice([body[:-1], b"[1]", b"\xff", b"[" * 5000, b"null"])


@dataclass
class World:
    """Clients that are signed in, and the names of what exists."""

    person: Client
    script: Client
    known: Json

    def rest(self, endpoint: Endpoint, rng: random.Random) -> HttpResponse:
        pool = EXISTING + [str(value) for value in self.known.values() if isinstance(value, str)]
        values = {name: rng.choice(pool if rng.random() < 0.7 else VALUES)[:300] for name in endpoint.names}
        path = "/" + endpoint.template % {name: quote(value, safe=":@") or "x" for name, value in values.items()}
        query = record_of(endpoint.takes.query(), rng) if endpoint.takes.query else {}
        if query:
            path += "?" + urlencode({name: str(value)[:2000] for name, value in query.items()})
        body = body_of(record_of(endpoint.takes.body(), rng), rng) if endpoint.takes.body else b""
        return cast("HttpResponse", self.person.generic(endpoint.method, path, body, "application/json"))

    def rpc(self, entry: Rpc, rng: random.Random) -> HttpResponse:
        names = re.findall(r"{(\w+)", entry.path)
        there = {name: str(self.known.get(name, "1")) if rng.random() < 0.7 else rng.choice(VALUES) for name in names}
        path = entry.path.replace(":path", "").format(
            **{name: quote(value[:300]) or "x" for name, value in there.items()}
        )
        where = f"/{rng.choice(['api', 'api', 'ajax-api'])}/{entry.version}/{entry.area}/{path}"
        fields = VALID | self.known | {name: hostile(rng) for name in rng.sample(RPC_FIELDS, rng.randrange(4))}
        if rng.random() < 0.2:
            fields = {name: hostile(rng) for name in rng.sample(RPC_FIELDS, 30)}
        if entry.method == "GET":
            query = urlencode({name: str(value)[:2000] for name, value in fields.items()})
            return cast("HttpResponse", self.script.get(f"{where}?{query}"))
        return cast("HttpResponse", self.script.generic(entry.method, where, body_of(fields, rng), "application/json"))


@pytest.fixture
def world(serving: ModelVersion, request_: TransitionRequest, ops: User, client: Client) -> World:
    client.force_login(ops)
    secret = issue_token(actor=actor_of(ops), user=ops, expires_in=timedelta(hours=1))[1]
    script = Client(headers={"Authorization": f"Bearer {secret}"})
    client.raise_request_exception = script.raise_request_exception = False
    run = Run.objects.get(pk=serving.run_id)
    model = create_logged_model(actor=actor_of(ops), experiment_id="0", source_run_id=run.pk)
    ids = {
        "run_id": run.pk,
        "run_uuid": run.pk,
        "run_ids": [run.pk],
        "model_id": model.pk,
        "source": f"models:/{model.pk}",
    }
    return World(client, script, {**ids, "name": "fraud", "model_name": "fraud", "id": str(request_.pk)})


def fuzz(world: World, rounds: int) -> None:
    """Send hostile requests, undo each, and collect those that the server failed on."""
    rng = random.Random(SEED)  # noqa: S311 - a fixed sequence, to repeat a failure
    calls: tuple[list[Callable[[], HttpResponse]], ...] = (
        [lambda each=each: world.rest(each, rng) for each in endpoints()],  # type: ignore[misc]  # bound now
        [lambda each=each: world.rpc(each, rng) for each in REGISTERED],  # type: ignore[misc]  # bound now
    )
    failed, answered = [], Counter[int]()
    for number in range(rounds):
        with transaction.atomic():
            answer = rng.choice(calls[number % 2])()
            # A log that was signed is not undone: what was signed is kept outside of the database, too.
            where = cast("Any", answer).wsgi_request.path
            transaction.set_rollback(not where.startswith("/api/v1/audit/"))
        answered[answer.status_code] += 1
        waits = answer.status_code == 503 and "/audit/export" in where  # no worker runs here
        if answer.status_code >= 500 and answer.status_code not in FINE and not waits:
            failed.append(_shown(answer))
        _close(answer)
    print(dict(answered))  # noqa: T201 - shown by `pytest -s`
    assert failed == []
    assert answered[200] + answered[201] > rounds // 20, "most requests were turned away before anything read them"


def _shown(answer: Any) -> tuple[object, ...]:
    request, error = answer.wsgi_request, answer.exc_info
    raised = repr(error[1])[:300] if error else ""
    return raised, answer.status_code, request.method, request.get_full_path()[:300], request.body[:600]


def _close(answer: Any) -> None:
    closers: Iterator[Callable[[], object]] = iter(
        answer._resource_closers
    )  # of files; `close` would close the database
    for close in closers:
        close()


def test_no_call_fails(world: World) -> None:
    fuzz(world, ROUNDS)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_no_call_fails_in_many_tries(world: World) -> None:
    fuzz(world, LONG_ROUNDS)
