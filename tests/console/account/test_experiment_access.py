"""Who may do what with an experiment: seen by who may see it, changed in dialogs by who manages it; patterns by
superusers.
"""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from core.actors import Actor
from tests.console.conftest import SignedIn, text_of
from tracking.models import Experiment, ExperimentGrant, ExperimentLevel, PatternGrant
from tracking.services.experiments import create_experiment

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _levels(settings: Settings) -> None:
    settings.DEFAULT_EXPERIMENT_LEVEL = "read"


@pytest.fixture
def churn(by_ada: Actor) -> Experiment:
    return create_experiment(actor=by_ada, name="churn")


def where(experiment: Experiment, rest: str = "") -> str:
    return f"/experiments/{experiment.pk}/access/{rest}"


def test_the_page_shows_grants_and_the_reason_of_a_refusal(
    churn: Experiment, ada: User, bea: User, signed_in: SignedIn
) -> None:
    page = text_of(signed_in(ada).get(where(churn)))
    assert "Give access" in page
    theirs = text_of(signed_in(bea).get(where(churn)))
    assert "Give access" not in theirs
    assert "bea may not manage the experiment churn" in theirs


@pytest.mark.parametrize(("kind", "name"), [("user", "cy"), ("service", "bot"), ("group", "reviewers")])
def test_a_level_is_given_and_revoked(
    kind: str, name: str, churn: Experiment, ada: User, cy: User, bea: User, bot: User, signed_in: SignedIn
) -> None:
    client, whom = signed_in(ada), {"kind": kind, "name": name}
    for level in (ExperimentLevel.READ, ExperimentLevel.MANAGE):
        answer = client.post(where(churn, "grant/"), {**whom, "level": int(level)}, headers=HTMX)
        assert answer.headers["HX-Redirect"] == where(churn)
        assert ExperimentGrant.objects.exclude(user=ada).get().level == level
    assert client.post(where(churn, "revoke/"), whom, headers=HTMX).headers["HX-Redirect"] == where(churn)
    assert not ExperimentGrant.objects.exclude(user=ada).exists()
    assert Event.objects.filter(action="tracking.experiment.permissions_changed").count() == 3


def test_an_unknown_name_is_an_error_of_the_form(churn: Experiment, ada: User, signed_in: SignedIn) -> None:
    answer = signed_in(ada).post(where(churn, "grant/"), {"kind": "user", "name": "zoe", "level": 1}, headers=HTMX)
    assert "There is no person called zoe." in text_of(answer)


def test_only_managers_change_access(churn: Experiment, cy: User, signed_in: SignedIn, settings: Settings) -> None:
    client = signed_in(cy)
    for rest in ("grant/", "revoke/"):
        assert client.post(where(churn, rest), {"kind": "user", "name": "cy", "level": 3}).status_code == 403
    settings.DEFAULT_EXPERIMENT_LEVEL = "none"
    for rest in ("", "grant/", "revoke/"):
        assert client.get(where(churn, rest)).status_code == 404
    assert ExperimentGrant.objects.count() == 1


def test_patterns_are_for_superusers(ops: User, cy: User, signed_in: SignedIn) -> None:
    given = {"pattern": "team-a/*", "kind": "user", "name": "cy", "level": 2}
    for rest in ("", "grant/", "revoke/"):
        assert signed_in(cy).post(f"/experiments/access/{rest}", given).status_code == 403
    assert not PatternGrant.objects.exists()
    client = signed_in(ops)
    assert client.post("/experiments/access/grant/", given, headers=HTMX).status_code == 200
    assert "team-a/*" in text_of(client.get("/experiments/access/"))
    odd = client.post("/experiments/access/grant/", {**given, "pattern": "team-[ab]/*"}, headers=HTMX)
    assert "In a pattern only * has a meaning" in text_of(odd)
    client.post("/experiments/access/revoke/", given, headers=HTMX)
    assert not PatternGrant.objects.exists()
