"""Every call of the OpenAPI document, with generated values: the answer has a status and a type that it declares.

The values are made from the document itself: of the declared type, near its limits, or the names of what exists.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from accounts.models import User
from accounts.services import issue_token
from tests.approvals.conftest import NewVersion, _own_store, by_ada, new_version
from tests.conftest import Acting
from tests.declared_bodies import ANY_KIND

__all__ = ["_own_store", "by_ada", "new_version"]

Json = dict[str, Any]
_METHODS = ("get", "post", "put", "patch", "delete")
_TEXT = st.text(max_size=30) | st.sampled_from(["fraud", "ada", "Production", "@champion", "", "*", "\u0663", "0", "1"])
# What exists, by the name of the field that would say it: most calls with these values alone are carried out.
_EXISTING: dict[str, Any] = {
    **dict.fromkeys(("name", "model"), "fraud"),
    **dict.fromkeys(("username", "user"), "bea"),
    **dict.fromkeys(("target", "stage"), "Staging"),
    **dict.fromkeys(("urn", "node"), "model-version:fraud/1"),
    "version": 1,
    "walk": "ancestors",
    "tier": "high",
    "alias": "champion",
    "kind": "version",
}
_WHOLE = st.integers(-1, 3) | st.sampled_from([2**31, 2**63, 10**30])

_PLAIN: dict[str, SearchStrategy[Any]] = {
    "integer": _WHOLE,
    "number": st.floats(allow_nan=False, allow_infinity=False) | _WHOLE,
    "boolean": st.booleans(),
    "date-time": st.datetimes().map(str) | st.sampled_from(["2026-13-40", "0001-01-01"]),
}


def values(schema: Json, parts: Json) -> SearchStrategy[Any]:
    """Return a strategy for a schema of the document."""
    if "$ref" in schema:
        return values(parts[schema["$ref"].rpartition("/")[2]], parts)
    for word in ("allOf", "oneOf", "anyOf"):
        if word in schema:
            return st.one_of([values(one, parts) for one in schema[word]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"]) | _TEXT
    if schema.get("type") == "object":
        return _objects(schema, parts)
    if schema.get("type") == "array":
        return st.lists(values(schema.get("items", {}), parts), max_size=3)
    return _PLAIN.get(schema.get("format", "")[:9], _PLAIN.get(schema.get("type", ""), _TEXT))


def _objects(schema: Json, parts: Json) -> SearchStrategy[Any]:
    fields = {name: named(name, one, parts) for name, one in schema.get("properties", {}).items()}
    if not fields:
        return st.dictionaries(st.text(max_size=8), _TEXT | _WHOLE | st.none(), max_size=3)
    needed = {name: fields[name] for name in schema.get("required", ())}
    return st.fixed_dictionaries(needed, optional={name: one for name, one in fields.items() if name not in needed})


def named(name: str, schema: Json, parts: Json) -> SearchStrategy[Any]:
    """Return a strategy for a field: often what exists under its name."""
    some = values(schema, parts)
    return st.just(_EXISTING[name]) | some if name in _EXISTING else some


def request_for(data: DataObject, path: str, operation: Json, parts: Json) -> tuple[str, bytes]:
    """Return the address and the body of one generated call."""
    query = []
    for parameter in operation.get("parameters", ()):
        name, schema = parameter["name"], parameter["schema"]
        if parameter["in"] == "path":
            known = st.just(_EXISTING.get(name, 1))
            path = path.replace(f"{{{name}}}", quote(str(data.draw(known | values(schema, parts))) or "x", safe=""))
        elif parameter.get("required") or data.draw(st.integers(0, 3)) == 0:
            query.append((name, str(data.draw(named(name, schema, parts)))))
    content = operation.get("requestBody", {}).get("content", {})
    body = data.draw(values(content["application/json"]["schema"], parts)) if "application/json" in content else {}
    return f"{path}?{urlencode(query)}", json.dumps(body).encode() if body else b""


def fault(answer: Any, operation: Json) -> str:
    """Return what the document does not say of an answer; "" where it says all."""
    declared, body = operation["responses"], answer.getvalue()  # read to its end: then a file is closed
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if answer.status_code >= 500 and b"waits for a worker" not in body:  # none runs in this test
        return "a failure of the server"
    said = declared.get(str(answer.status_code)) or (declared["default"] if answer.status_code >= 400 else None)
    if said is None:
        return f"status {answer.status_code} is not declared"
    kinds = said.get("content", {})
    if not kinds:
        return f"a body of {kind} is not declared" if body else ""
    return (
        ""
        if kind in kinds or ANY_KIND in kinds
        else f"{kind} is not declared with {answer.status_code}, {', '.join(kinds)} are"
    )


@pytest.fixture
def send(
    ada: User, ops: User, acting: Acting, new_version: NewVersion, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Return a function that makes a call as one of two people, over a registry that holds something."""
    monkeypatch.setattr("audit.downloads._START_SECONDS", 0.0)
    new_version()
    clients = []
    for user in (ada, ops):
        secret = issue_token(actor=acting(user), user=user, expires_in=timedelta(hours=1))[1]
        clients.append(Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False))

    def call(who: int, method: str, where: str, body: bytes) -> Any:
        return clients[who].generic(method.upper(), where, body, content_type="application/json")

    return call


@pytest.mark.django_db
@settings(  # a failure names its calls: to make them smaller takes minutes
    max_examples=3, deadline=None, suppress_health_check=[*HealthCheck], derandomize=True, phases=[Phase.generate]
)
@given(data=st.data())
def test_every_answer_is_one_that_the_document_declares(send: Callable[..., Any], data: DataObject) -> None:
    document = send(1, "get", "/api/v1/schema", b"").json()
    parts, wrong, seen = document["components"]["schemas"], [], 0
    for path, methods in document["paths"].items():
        for method in sorted(set(methods) & set(_METHODS)):
            where, body = request_for(data, path, methods[method], parts)
            answer = send(data.draw(st.integers(0, 1)), method, where, body)
            seen += 1
            if said := fault(answer, methods[method]):
                wrong.append(f"{method} {where[:200]} {body[:200]!r}: {said}")
    assert seen > 90
    assert wrong == [], "\n" + "\n".join(wrong)
