"""Watching a model, on its page and over /api/v1: nothing happens by a GET, and only what one may see is watched."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from core.errors import InvalidInput
from notices.models import Watch
from notices.services.watching import watch_model
from tests.approvals.conftest import NewVersion
from tests.conftest import Acting

API = "/api/v1/models/fraud/watch"


def api(user: User, acting: Acting) -> Any:
    _, secret = issue_token(actor=acting(user), user=user, expires_in=timedelta(hours=1))
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    return lambda method: client.generic(method, API)


def test_the_button_watches_and_stops(cy: User, new_version: NewVersion) -> None:
    new_version()
    client = Client()
    client.force_login(cy)
    assert client.get("/models/fraud/watch/").status_code == 405
    assert "Stop watching" not in client.get("/models/fraud/").content.decode()
    assert not Watch.objects.exists()
    assert client.post("/models/fraud/watch/", follow=True).status_code == 200
    page = client.get("/models/fraud/").content.decode()
    assert "Stop watching" in page
    assert "Watched by cy" in page
    client.post("/models/fraud/watch/", {"stop": "1"})
    assert not Watch.objects.exists()
    assert client.post("/models/nosuch/watch/").status_code == 404


def test_over_the_api(cy: User, acting: Acting, new_version: NewVersion) -> None:
    new_version()
    call = api(cy, acting)
    assert call("GET").json() == {"model": "fraud", "watching": False, "since": None, "watchers": []}
    first = call("PUT").json()
    assert (first["watching"], first["watchers"]) == (True, ["cy"])
    assert call("PUT").json() == first
    assert call("DELETE").json()["watching"] is False
    assert call("DELETE").status_code == 200


def test_what_one_may_not_see_is_not_watched(
    cy: User, acting: Acting, new_version: NewVersion, settings: Settings
) -> None:
    new_version()
    settings.DEFAULT_MODEL_LEVEL = "none"
    call = api(cy, acting)
    assert [call(method).status_code for method in ("GET", "PUT", "DELETE")] == [404, 404, 404]
    assert not Watch.objects.exists()


def test_a_service_account_watches_nothing(bot: User, acting: Acting, new_version: NewVersion) -> None:
    new_version()
    with pytest.raises(InvalidInput):
        watch_model(actor=acting(bot), name="fraud")


def test_more_watchers_cost_the_page_no_more_queries(cy: User, acting: Acting, new_version: NewVersion) -> None:
    new_version()
    client = Client()
    client.force_login(cy)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get("/models/fraud/")
        return len(queries)

    cost()
    before = cost()
    for number in range(4):
        watch_model(actor=acting(User.objects.create_user(f"watcher-{number}")), name="fraud")
    assert cost() == before
