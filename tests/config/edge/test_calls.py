"""Requests to the program edge: paths, parameters and credentials are those of the API's views."""

from __future__ import annotations

import base64
import re

import pytest
from django.core.exceptions import SuspiciousOperation
from rest_framework.exceptions import MethodNotAllowed, ValidationError

from config.edge.calls import Call, is_health, parse_call, request_id_of
from config.edge.heads import Head
from core.errors import InvalidInput, NotAuthenticated, NotFound

BASIC = base64.b64encode(b"ada:cst_x").decode()


def call(target: str, method: str = "GET", **headers: str) -> Call:
    given = {"host": "localhost", "authorization": "Bearer cst_x"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return parse_call(Head(method, target, given, keep_alive=True), "r1")


def test_a_poll() -> None:
    poll = call("/api/v1/models/fraud/production?wait=30&etag=a", if_none_match='"b"')
    assert poll.key == ("cst_x", ("fraud",))
    assert (poll.is_stream, poll.seen, poll.wait) == (False, '"b", "a"', 30)


def test_a_stream() -> None:
    stream = call("/api/v1/production/events?models=b,%20a%2Cb", last_event_id="x")
    assert stream.key == ("cst_x", ("b", "a"))
    assert (stream.is_stream, stream.seen) == (True, "x")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1/models/Sch%C3%A4tzer%201/production", "Schätzer 1"),
        ("//api/v1/models/a/production", "a"),
        ("/api/v1/models/production/production", "production"),
        ("/api/v1/models/a+b/production", "a+b"),
    ],
)
def test_names_in_paths(path: str, name: str) -> None:
    assert call(path).key[1] == (name,)


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("/api/v1/models/a/b/production", NotFound),
        ("/api/v1/models/a%2Fb/production", NotFound),
        ("/api/v1/models//production", NotFound),
        ("/api/v1/models/production", NotFound),
        ("/api/v1/models", NotFound),
        ("*", NotFound),
        ("/api/v1/models/%ff/production", SuspiciousOperation),
        ("/api/v1/models/a%00/production", InvalidInput),
        ("/api/v1/models/a/production?wait=61", ValidationError),
        ("/api/v1/models/a/production?wait=-1", ValidationError),
        ("/api/v1/models/a/production?wait=x", ValidationError),
        ("/api/v1/models/a/production?wait=1&wait=2", InvalidInput),
        ("/api/v1/models/a/production?weight=1", InvalidInput),
        ("/api/v1/models/a/production?at=2026-01-01T00:00:00Z", InvalidInput),
        ("/api/v1/models/a/production?at=2026-01-01T00:00:00Z&wait=1", InvalidInput),
        ("/api/v1/production/events", ValidationError),
        ("/api/v1/production/events?models=,", ValidationError),
        ("/api/v1/production/events?models=a&wait=3", InvalidInput),
        (f"/api/v1/production/events?models={','.join(f'm{n}' for n in range(101))}", ValidationError),
    ],
)
def test_what_is_refused(target: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        call(target)


def test_an_unknown_parameter_is_answered_with_those_that_this_program_takes() -> None:
    with pytest.raises(InvalidInput) as refused:
        call("/api/v1/models/a/production?weight=1")
    assert "etag" in refused.value.message
    assert "wait" in refused.value.message
    assert not re.search(r"\bat\b", refused.value.message)


@pytest.mark.parametrize("host", ["", "evil.example", "localhost:x"])
def test_other_hosts_are_refused(host: str) -> None:
    with pytest.raises(SuspiciousOperation):
        call("/api/v1/models/a/production", host=host)


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Basic !", "Digest x"])
def test_a_secret_is_needed(authorization: str) -> None:
    with pytest.raises(NotAuthenticated):
        call("/api/v1/models/a/production", authorization=authorization)


def test_the_secret_may_be_the_password_of_basic() -> None:
    assert call("/api/v1/models/a/production", authorization=f"Basic {BASIC}").key[0] == "cst_x"


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_get(method: str) -> None:
    with pytest.raises(MethodNotAllowed):
        call("/api/v1/models/a/production", method)


def test_request_ids_and_probes() -> None:
    head = Head("GET", "/healthz", {"x-request-id": "mine", "host": "10.0.0.1"}, keep_alive=True)
    assert (request_id_of(head), is_health(head)) == ("mine", True)
    assert len(request_id_of(Head("GET", "/", {"x-request-id": "a b"}, keep_alive=True))) == 32
