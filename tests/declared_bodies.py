"""Every JSON answer of /api/v1 that a test receives is held against the OpenAPI document.

`hold_to_document` is called by a fixture of every test (tests/conftest.py), so what the tests see of an operation, with
whatever data, is what the document declares. Objects are closed: a field that the document does not name is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
from django.test.client import Client
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from accounts.models import User

Json = dict[str, Any]
ANY_KIND = "*/*"  # of a file
_PREFIX = "/api/v1/"
_FEWEST_ERROR = 300
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_COMBINED = ("allOf", "oneOf", "anyOf")


@cache
def document() -> Json:
    """Return the OpenAPI document of /api/v1."""
    made: Json = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # untyped there
    return made


def closed(schema: Json) -> Json:
    """Return a schema of OpenAPI 3.0 as JSON Schema: `nullable` as a type, and objects without other fields."""
    if "$ref" in schema:
        parts: Json = document()["components"]["schemas"]
        return closed(parts[schema["$ref"].rpartition("/")[2]])
    plain = {key: value for key, value in schema.items() if key not in {"nullable", "readOnly", "writeOnly", "format"}}
    for word in _COMBINED:
        if word in plain:
            plain[word] = [closed(one) for one in plain[word]]
    if "properties" in plain:
        plain["properties"] = {name: closed(one) for name, one in plain["properties"].items()}
        plain.setdefault("additionalProperties", False)
    if "items" in plain:
        plain["items"] = closed(plain["items"])
    if isinstance(plain.get("additionalProperties"), dict):
        plain["additionalProperties"] = closed(plain["additionalProperties"])
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") else plain


def operation_of(method: str, route: str) -> Json | None:
    """Return the operation of a route as Django writes it; None for one that is not in the document."""
    found: Json | None = document()["paths"].get("/" + _PARAMETER.sub(r"{\1}", route), {}).get(method.lower())
    return found


@cache
def validator_of(method: str, route: str, status: int, kind: str) -> Draft202012Validator | None:
    """Return what validates a JSON answer of an operation, a file where it may be any; None where none is declared."""
    operation = operation_of(method, route)
    content = operation["responses"].get(str(status), {}).get("content", {}) if operation else {}
    if ANY_KIND in content:
        return Draft202012Validator(True)
    return Draft202012Validator(closed(content[kind]["schema"])) if kind in content else None


def faults(method: str, route: str, answer: Any) -> Iterator[str]:
    """Yield what the document does not say of an answer that is no refusal."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if not kind.endswith("json") or operation_of(method, route) is None:
        return
    validator = validator_of(method, route, answer.status_code, kind)
    if validator is None:
        yield f"{answer.status_code} {kind} is not declared"
        return
    content = answer.getvalue()
    if answer.streaming:
        answer.streaming_content = [content]  # for the test, which reads it once more
    for error in validator.iter_errors(orjson.loads(content)):
        yield f"{error.json_path}: {error.message[:300]}"


def hold_to_document(client_request: Any) -> Any:
    """Return `Client.request` that fails where an answer is not what the document declares."""

    def request(client: Client, **environ: Any) -> Any:
        answer = client_request(client, **environ)
        if environ.get("PATH_INFO", "").startswith(_PREFIX) and answer.status_code < _FEWEST_ERROR:
            method, route = environ["REQUEST_METHOD"], answer.resolver_match.route
            wrong = list(faults(method, route, answer))
            assert wrong == [], f"{method} {route} does not answer what its document declares: {wrong}"
        return answer

    return request


class Caller:
    """Calls operations by the name of a signed-in person, and notes which were carried out."""

    def __init__(self) -> None:
        self.carried_out: set[str] = set()
        self._clients: dict[str, Client] = {}

    def __call__(self, person: str, method: str, path: str, body: object = None) -> Any:
        """Call an operation and return its answer: the JSON, or the bytes of a file."""
        if person not in self._clients:
            self._clients[person] = Client()
            self._clients[person].force_login(User.objects.get(username=person))
        data = b"" if body is None else orjson.dumps(body)
        client = self._clients[person]
        answer = client.generic(method.upper(), f"/api/v1/{path}", data, content_type="application/json")
        content = answer.getvalue()
        assert 200 <= answer.status_code < 300, f"{method} {path}: {answer.status_code} {content[:500]!r}"
        route = _PARAMETER.sub(r"{\1}", answer.resolver_match.route)
        self.carried_out.add(f"{method} /{route}")
        return orjson.loads(content) if "json" in answer.headers.get("Content-Type", "") and content else content
