"""Two workers with the same message: the receiver is told once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from core.actors import Actor
from registry.services.models import create_model
from tests.webhooks.conftest import Hook
from tests.webhooks.receiver import Receiver
from webhooks import tasks
from webhooks.models import Delivery


def deliver(pk: str) -> str:
    try:
        return str(tasks.deliver(pk))
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_sends(hook: Hook, receiver: Receiver, by_ada: Actor) -> None:
    hook()
    create_model(actor=by_ada, name="clf")
    row = Delivery.objects.get()
    with ThreadPoolExecutor(6) as workers:
        came = sorted(workers.map(deliver, [str(row.pk)] * 6))
    assert came == ["delivered", *["nothing to do"] * 5]
    assert len(receiver.hits) == 1
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("delivered", 1)
