"""The routes that take OpenLineage events: single events, batches, gzip, and what is refused."""

from __future__ import annotations

import gzip
import json

import pytest
from django.test import Client

from lineage.models import LineageEvent
from tests.lineage.openlineage.events import STORY


@pytest.mark.parametrize("path", ["/api/v1/lineage", "/api/v1/lineage/"])
def test_an_event_is_taken_with_and_without_a_slash(path: str, client: Client, bearer: dict[str, str]) -> None:
    body = gzip.compress(json.dumps(STORY[0]).encode())
    for _ in range(2):
        answer = client.post(path, body, content_type="application/json", headers=bearer | {"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.content, answer["Content-Length"]) == (201, b"", "0")
    assert LineageEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("cut", "extra"), [(1, b""), (8, b""), (30, b""), (0, b"x"), (0, gzip.compress(b"{}", mtime=0))]
)
def test_a_gzip_body_is_whole_or_refused(cut: int, extra: bytes, client: Client, bearer: dict[str, str]) -> None:
    whole = gzip.compress(json.dumps(STORY[0]).encode())
    body = whole[: len(whole) - cut] + extra
    headers = bearer | {"Content-Encoding": "gzip"}
    answer = client.post("/api/v1/lineage", body, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert b"gzip body" in answer.content
    assert not LineageEvent.objects.exists()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"eventTime": NaN}', b'{"eventTime": "2026-13-01T00:00:00Z", "job": {"name": "x"}}', b"[" * 5000,
             b'{"eventTime": "2026-11-01T10:00:00Z", "run": null}', b"\xff"],
)  # fmt: skip
def test_what_tells_nothing_is_refused(body: bytes, client: Client, bearer: dict[str, str]) -> None:
    answer = client.post("/api/v1/lineage", body, content_type="application/json", headers=bearer)
    assert answer.status_code == 400, answer.content
    assert not LineageEvent.objects.exists()


def test_a_bad_event_of_a_batch_costs_no_other(client: Client, bearer: dict[str, str]) -> None:
    items = [STORY[0], {"eventTime": "never"}, 7, STORY[1], {"eventTime": "2026-11-01T10:00:00Z", "acton": 1}]
    answer = client.post("/api/v1/lineage/batch", json.dumps(items), content_type="application/json", headers=bearer)
    body = answer.json()
    assert (answer.status_code, body["status"], body["summary"]["successful"]) == (200, "partial_success", 2)
    assert [(failed["index"], failed["retriable"]) for failed in body["failed_events"]] == [
        (1, False),
        (2, False),
        (4, False),
    ]
    assert LineageEvent.objects.count() == 2
    assert (
        client.post("/api/v1/lineage/batch", "[]", content_type="application/json", headers=bearer).json()["status"]
        == "success"
    )
    assert (
        client.post("/api/v1/lineage/batch", "{}", content_type="application/json", headers=bearer).status_code == 400
    )


def test_a_batch_also_comes_with_a_slash(client: Client, bearer: dict[str, str]) -> None:
    answer = client.post("/api/v1/lineage/batch/", json.dumps(STORY), content_type="application/json", headers=bearer)
    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    assert LineageEvent.objects.count() == len(STORY)
