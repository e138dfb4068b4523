"""What a route of /api/v1 does not declare is refused by name, before anything is looked up."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework import serializers
from rest_framework.response import Response

from accounts.models import User
from accounts.services import issue_token
from audit.models import Event
from config.api_urls import urlpatterns
from core.rest import ApiView, accepts
from tests.architecture.test_routes import examples
from tests.conftest import Acting

# Answers in the format of another protocol than problem+json: OAuth's errors (RFC 6749, section 5.2).
OWN_FORMATS = {"/api/v1/tokens/exchange": "application/json"}
METHODS = ("get", "post", "put", "patch", "delete")
Headers = dict[str, str]


def views(patterns: list[Any]) -> Iterator[type]:
    """Yield the class of every view of the API."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and (view := getattr(pattern.callback, "cls", None)):
            yield view


# They speak OpenLineage and Marquez, whose clients send what older servers do not know.
TOLERANT = "lineage.openlineage.api"


def calls() -> list[tuple[str, str]]:
    """Return every method and address of the API that speaks no other product's protocol."""
    found = []
    for path in examples():
        view = getattr(get_resolver().resolve(path).func, "cls", None)
        if path.startswith("/api/v1/") and view is not None and view.__module__ != TOLERANT:
            found += [(method, path) for method in METHODS if hasattr(view, method)]
    return found


@pytest.fixture
def headers(ops: User, acting: Acting) -> Headers:
    secret = issue_token(actor=acting(ops), user=ops, expires_in=timedelta(hours=1))[1]
    return {"Authorization": f"Bearer {secret}"}


def test_every_route_declares_its_input() -> None:
    undeclared = [view.__name__ for view in views(urlpatterns) if not issubclass(view, ApiView)]
    assert undeclared == [], "derive them from core.rest.ApiView"


def test_an_undeclared_method_fails_at_import() -> None:
    with pytest.raises(TypeError, match="get does not declare"):
        type("View", (ApiView,), {"get": print})


def detail_of(answer: Any) -> str:
    """Return what an error says. OAuth's descriptions have no double quotes."""
    body = answer.json()
    return str(body.get("detail") or body["error_description"])


@pytest.mark.parametrize(("method", "path"), calls())
def test_unknown_names_are_refused(client: Client, headers: Headers, method: str, path: str) -> None:
    call: Callable[..., Any] = getattr(client, method)
    before = Event.objects.count()
    answer = call(f"{path}?modle=x", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (400, OWN_FORMATS.get(path, "application/problem+json"))
    assert "'modle'" in detail_of(answer)
    assert "ccepted" in detail_of(answer)
    if method != "get":
        answer = call(path, {"acton": 1}, content_type="application/json", headers=headers)
        assert answer.status_code == 400, answer.content
        assert "'acton'" in detail_of(answer)
    assert Event.objects.count() == before


@pytest.mark.parametrize(
    ("query", "named"),
    [("limit=1&limit=2", "limit is given 2 times"), ("state=open&q=", "'q'"), ("format=json", "format")],
)
def test_a_list_of_findings_takes_each_parameter_once(client: Client, headers: Headers, query: str, named: str) -> None:
    answer = client.get(f"/api/v1/findings?{query}", headers=headers)
    assert answer.status_code == 400
    assert named in answer.json()["detail"]


def test_a_key_given_twice_is_refused(client: Client, headers: Headers) -> None:
    body = b'{"name": "a", "name": "b", "public_key": "x"}'
    answer = client.post("/api/v1/check-keys", body, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert "'name' is given twice" in answer.json()["detail"]


def test_the_production_read_refuses_a_query(client: Client, headers: Headers) -> None:
    assert client.get("/api/v1/models/none/production?stage=x", headers=headers).status_code == 400
    assert client.get("/api/v1/models/none/production", headers=headers).status_code == 404


class _Inner(serializers.Serializer[Any]):
    colour = serializers.CharField(required=False)


class _Outer(serializers.Serializer[Any]):
    rows = _Inner(many=True)


def test_keys_inside_are_checked_too(rf: Any) -> None:
    class View(ApiView):
        authentication_classes = ()
        permission_classes = ()

        @accepts(body=_Outer, responses=None)
        def post(self, request: Any) -> Response:  # noqa: ARG002 - DRF's signature
            return Response(self.body)

    request = rf.post("/x", {"rows": [{"colour": "red"}, {"color": "red"}]}, content_type="application/json")
    answer = View.as_view()(request)
    assert answer.status_code == 400
    assert "the body.rows[1]: 'color'. Accepted: colour" in answer.data["detail"]
