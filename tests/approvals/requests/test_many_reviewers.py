"""Many requests and sixteen concurrent reviewers: no review is lost, nothing is applied twice."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import RequestState, Review, TransitionRequest
from approvals.requests.open import open_request
from approvals.requests.review import decide_request
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.errors import DomainError
from registry.models import CardRevision, ModelVersion, RegisteredModel
from registry.stages import Stage
from tests.approvals.publishing import publish_policy
from tests.conftest import Acting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]  # a busy machine is no failure
REVIEWERS, MODELS = 16, 20
POLICY: dict[str, Any] = {
    "name": "plain",
    "applies_to": {"target": "Staging", "models": "*"},
    "rules": [{"id": "reviewers", "level": "hard", "approvals": {"count": 2, "groups": ["reviewers"]}}],
}


def opened(by_ada: Actor, count: int) -> list[int]:
    """Ask for as many versions of 20 models; every request needs two approvals."""
    publish_policy(body=POLICY)
    models = [
        RegisteredModel.objects.create(name=f"m{n}", name_key=f"m{n}", created_by="ada", created_ms=1, updated_ms=1)
        for n in range(MODELS)
    ]
    found = []
    for n in range(count):
        model, number = models[n % MODELS], n // MODELS + 1
        version = ModelVersion.objects.create(
            model=model, version=number, source="s3://x", created_by="ada", created_ms=1, updated_ms=1
        )
        CardRevision.objects.create(version=version, number=1, body={}, digest="", author="ada")
        request = open_request(
            actor=by_ada, name=model.name, version=number, target=Stage.STAGING, archive_existing=False
        )
        found.append(request.pk)
    return found


def again_after_outages(act: Callable[[], object]) -> None:
    """Act again where a busy machine opened no connection within the three seconds of the pool, as clients do."""
    for _ in range(20):
        try:
            act()
        except OperationalError as error:
            if "couldn't get a connection" not in str(error):
                raise
        else:
            return
    raise AssertionError("no connection in twenty tries")


@dataclass
class Crowd:
    """What sixteen threads did: the requests whose approval was taken, and what broke."""

    seen: dict[int, str]
    given: list[int] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)

    def approve(self, actor: Actor, pk: int) -> None:
        digest = self.seen[pk]
        try:
            again_after_outages(
                lambda: decide_request(
                    actor=actor, request_id=pk, decision="approve", comment="Good.", seen_digest=digest
                )
            )
        except DomainError:  # two others were quicker
            return
        self.given.append(pk)
        again_after_outages(lambda: tasks.apply_request(pk))

    def work(self, actor: Actor, order: list[int]) -> None:
        try:
            for pk in order:
                self.approve(actor, pk)
        except Exception as error:  # noqa: BLE001 - whatever a thread meets, the test has to hear of it
            self.broken.append(error)
        finally:
            connection.close()


def run(crowd: Crowd, people: list[Actor]) -> None:
    """Have each look at a quarter of the requests, in an order of their own: every request is looked at by four."""
    ids, chance = list(crowd.seen), random.Random(7)  # noqa: S311 - an order, no secret
    shares = [[pk for n, pk in enumerate(ids) if (n + place) % 4 == 0] for place in range(len(people))]
    threads = [
        threading.Thread(target=crowd.work, args=(actor, chance.sample(share, len(share))))
        for actor, share in zip(people, shares, strict=True)
    ]
    connection.close()  # sixteen threads take the whole pool
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(800)


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.long)])
def test_many_requests_and_sixteen_reviewers(ada: User, acting: Acting, count: int) -> None:
    ids = opened(acting(ada), count)
    crowd = Crowd({pk: load_case(TransitionRequest.objects.get(pk=pk)).snapshot.subject_digest for pk in ids})
    people = [User.objects.create_user(f"r{n}") for n in range(REVIEWERS)]
    Group.objects.get(name="reviewers").user_set.add(*people)
    run(crowd, [acting(person) for person in people])
    assert crowd.broken == []
    assert Review.objects.count() == len(crowd.given) == 2 * count
    assert sorted(Review.objects.values_list("request_id", flat=True)) == sorted(crowd.given)
    assert TransitionRequest.objects.filter(state=RequestState.APPLIED).count() == count
    for action in (Action.APPROVALS_REQUEST_APPLIED, Action.REGISTRY_STAGE_CHANGED):
        done = Event.objects.filter(action=action, outcome="ok")
        assert done.count() == done.values("object_ref").distinct().count() == count
