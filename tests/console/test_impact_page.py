"""The page that lists what descends from a node: all of it counted, one page shown, nothing of what is hidden."""

from __future__ import annotations

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from console.shell.pages import PER_PAGE
from core.actors import Actor
from lineage.services import record_produced
from registry.services.deployments import register_deployment
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.conftest import Acting
from tests.console.conftest import SignedIn, text_of
from tests.lineage.facts import record_consumed
from tracking.services.experiments import create_experiment
from tracking.services.runs import create_run

PAGE = "/lineage/impact/?node=dataset-version:orders/v1"


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def run_id(by_ada: Actor) -> str:
    """A run that read orders v1."""
    create_model(actor=by_ada, name="fraud")
    run = create_run(actor=by_ada, experiment_id=create_experiment(actor=by_ada, name="impact").pk, start_ms=1)
    record_consumed(actor=by_ada, run_id=run.pk, dataset="orders", version="v1")
    return run.pk


def register(actor: Actor, run_id: str, count: int) -> None:
    for _ in range(count):
        made = create_version(actor=actor, name="fraud", source=f"runs:/{run_id}/model", run_id=run_id)
        record_produced(actor=actor, run_id=run_id, model="fraud", version=made.version)


def test_all_is_counted_and_one_page_is_shown(run_id: str, by_ada: Actor, ada: User, signed_in: SignedIn) -> None:
    register(by_ada, run_id, PER_PAGE + 5)
    register_deployment(actor=by_ada, endpoint="/score", model="fraud", version=PER_PAGE + 5, traffic_percent=100)
    client = signed_in(ada)
    html = client.get(PAGE).content.decode()
    assert f"<b>{PER_PAGE + 5}</b>" in html
    assert html.count('data-label="Version"') == PER_PAGE
    last = client.get(f"{PAGE}&page=2").content.decode()
    assert last.count('data-label="Version"') == 5
    assert "/score" in last
    assert "in use" in last
    rows = list(csv.reader(io.StringIO(b"".join(client.get(csv_of(html))).decode())))
    assert len(rows) == PER_PAGE + 6


def csv_of(html: str) -> str:
    return next(part.split('"')[0] for part in html.split('href="') if part.split('"')[0].endswith("/impact.csv"))


def test_more_versions_take_no_more_queries(run_id: str, by_ada: Actor, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    counts = []
    for more in (2, 8):
        register(by_ada, run_id, more)
        client.get(PAGE)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_hidden_models_are_neither_shown_nor_counted(
    run_id: str, by_ada: Actor, cy: User, signed_in: SignedIn, settings: Settings
) -> None:
    register(by_ada, run_id, 2)
    settings.DEFAULT_MODEL_LEVEL = "none"
    page = text_of(signed_in(cy).get(PAGE))
    assert "fraud" not in page
    assert "No model version descends from it" in page
    assert signed_in(cy).get("/lineage/impact/?node=model-version:fraud/1").status_code == 404


def test_a_dataset_leads_to_it(run_id: str, ada: User, signed_in: SignedIn) -> None:
    html = signed_in(ada).get("/datasets/version/?node=dataset-version:orders/v1").content.decode()
    assert "/lineage/impact/?node=dataset-version%3Aorders%2Fv1" in html
