"""The OpenAPI document: there for whoever has signed in, and it names every route."""

import re

from django.test import Client

from accounts.models import User
from tests.config.test_fuzz_rest import routes as routes_of_the_api


def test_the_schema_names_every_route(client: Client, ada: User) -> None:
    client.force_login(ada)
    answer = client.get("/api/v1/schema")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    assert {"/api/v1/models/{name}/production", "/api/v1/transition-requests", "/api/v1/audit/export"} <= paths.keys()
    card = "/api/v1/models/{name}/versions/{version}/card"
    assert {
        card,
        f"{card}/import",
        f"{card}/diff",
        "/api/v1/models/{name}/risk",
        "/api/v1/cards/schema",
    } <= paths.keys()
    assert {"get", "patch", "put"} <= paths[card].keys()
    assert {each["name"] for each in paths[card]["get"]["parameters"]} >= {"revision", "format"}


def test_without_a_login_there_is_none(client: Client, db: None) -> None:
    assert client.get("/api/v1/schema").status_code == 401


def test_no_route_is_missing(client: Client, ada: User) -> None:
    client.force_login(ada)
    documented = {re.sub(r"\{[^}]+\}", "{}", path) for path in client.get("/api/v1/schema").json()["paths"]}
    routes = {re.sub(r"<[^>]+>", "{}", route) for route in routes_of_the_api()} - {"/api/v1/schema"}
    assert routes - documented == set()


def test_the_pages_of_the_api_need_no_other_host(client: Client, ada: User) -> None:
    assert client.get("/api-docs/").status_code == 302
    client.force_login(ada)
    page = client.get("/api-docs/").content.decode()
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(sources) >= 4
    assert [source for source in sources if not source.startswith("/")] == []
    script = next(source for source in sources if "script=" in source).replace("&amp;", "&")
    assert "/api/v1/schema" in client.get(script).content.decode()
    assert "<script>" not in page


def test_every_operation_stands_below_its_area_and_says_what_it_does(client: Client, ada: User) -> None:
    client.force_login(ada)
    for path, operations in client.get("/api/v1/schema").json()["paths"].items():
        for method, operation in operations.items():
            assert operation["tags"] == [path.split("/")[3]], path
            assert re.fullmatch(r"(?!Answer|Raises)[A-Z].+[^.]", operation.get("summary", "")), (method, path)
