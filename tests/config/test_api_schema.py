"""The OpenAPI document: there for whoever has signed in, and it names every route."""

from django.test import Client

from accounts.models import User


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
