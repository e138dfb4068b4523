"""Many promoters at once: at every instant exactly one version is in Production, and every change has its event."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import orjson
import pytest
from django.db import connection, connections

from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.errors import Conflict
from registry.models import ModelVersion, RegisteredModel
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.registry.conftest import NewVersion

ON_POSTGRES = connection.vendor == "postgresql"
PROMOTERS, VERSIONS = (8, 40) if ON_POSTGRES else (3, 6)


def in_own_thread(work: Callable[[], int]) -> int:
    try:
        return work()
    finally:
        connections.close_all()


def promote(actor: Actor, version_id: int, *, archive: bool) -> int:
    """Promote one version, looking again after each Conflict; return how often we had to."""
    for attempt in range(100):
        seen = ModelVersion.objects.select_related("model").get(pk=version_id)
        try:
            change_stage(
                actor=actor,
                version=seen,
                target=Stage.PRODUCTION,
                archive_existing=archive,
                reason=f"attempt {attempt}",
            )
        except Conflict:
            continue
        return attempt
    raise AssertionError("never promoted")


def watch(model: RegisteredModel, done: threading.Event) -> int:
    """Look until told to stop; return how many looks saw anything but one current Production."""
    wrong = 0
    while not done.is_set():
        rows = list(ModelVersion.objects.filter(model=model).values_list("is_current", "stage"))
        wrong += [stage for is_current, stage in rows if is_current] != [Stage.PRODUCTION]
        time.sleep(0.002)
    return wrong


@pytest.mark.django_db(transaction=True)
def test_eight_promoters_and_an_observer(by_ada: Actor, fraud: RegisteredModel, new_version: NewVersion) -> None:
    ids = [new_version().pk for _ in range(VERSIONS)]
    promote(by_ada, ids[0], archive=True)
    random.Random(4).shuffle(ids)  # noqa: S311 - an order, not a secret
    done = threading.Event()
    with ThreadPoolExecutor(PROMOTERS + 1) as pool:
        observer = pool.submit(in_own_thread, lambda: watch(fraud, done))
        jobs = [pool.submit(in_own_thread, partial(promote, by_ada, pk, archive=n % 3 > 0)) for n, pk in enumerate(ids)]
        [job.result(timeout=120) for job in jobs]
        done.set()
        assert observer.result(timeout=120) == 0
    assert ModelVersion.objects.filter(model=fraud, is_current=True).count() == 1
    check_events(fraud)


def facts_of(event: Event) -> dict[str, Any]:
    facts: dict[str, Any] = orjson.loads(bytes(event.body))
    return facts


def check_events(model: RegisteredModel) -> None:
    """The stream has no gap, and replaying its stage events gives exactly the rows as they are now."""
    events = Event.objects.filter(stream=f"model:{model.pk}").order_by("id")
    replayed: dict[str, tuple[str, bool]] = {}
    for event in events.filter(action=Action.REGISTRY_STAGE_CHANGED):
        facts = facts_of(event)
        known = replayed.get(event.object_ref, (Stage.NONE.value, False))
        assert (facts["before"]["stage"], facts["before"]["is_current"]) == known
        replayed[event.object_ref] = (facts["after"]["stage"], facts["after"]["is_current"])
        assert sum(is_current for _, is_current in replayed.values()) <= 1
    now = {f"model-version:{model.name}/{row.version}": (row.stage, row.is_current) for row in model.versions.all()}
    assert replayed == {ref: state for ref, state in now.items() if state != (Stage.NONE.value, False)}
