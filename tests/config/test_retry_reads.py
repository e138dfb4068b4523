"""A read that met a dead connection is asked once more; a write is not."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from config.middleware import RetryReadsMiddleware


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "status", "calls"), [("GET", 200, 2), ("HEAD", 200, 2), ("POST", 503, 1)])
def test_reads_are_asked_once_more(rf: RequestFactory, method: str, status: int, calls: int) -> None:
    asked: list[str] = []

    def answer(request: HttpRequest) -> HttpResponse:
        asked.append(str(request.method))
        return HttpResponse(status=503 if len(asked) == 1 else 200)

    response = RetryReadsMiddleware(answer)(rf.generic(method, "/"))
    assert (response.status_code, len(asked)) == (status, calls)
