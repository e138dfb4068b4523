"""/metrics: who may read it, what it says, and what the alert rules and the dashboard ask for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from audit.actions import Action
from config.metrics import state
from config.metrics.pool import forget_ended_processes, pool_state
from config.metrics.requests import count_requests, interface_of, with_metrics
from core.errors import GateRefused
from core.metrics import EVENTS, HTTP_REQUESTS
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, _own_store, by_ada, new_version, policies
from tests.conftest import Acting

__all__ = ["_own_store", "by_ada", "new_version", "policies"]

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"


def read(client: Client, **headers: str) -> dict[str, float]:
    """Return every sample of /metrics by its name and labels."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {
        " ".join([sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


@pytest.fixture
def public(settings: Settings) -> None:
    settings.PUBLIC_METRICS = True


def test_a_token_is_needed(client: Client, ada: User, acting: Acting) -> None:
    answer = client.get("/metrics")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert b"custody_" not in answer.content
    secret = issue_token(actor=acting(ada), user=ada, expires_in=timedelta(hours=1))[1]
    assert read(client, authorization=f"Bearer {secret}")["custody_database_up"] == 1


def test_anybody_may_read_where_it_is_public(client: Client, public: None, db: None) -> None:
    assert read(client)["custody_database_up"] == 1
    assert client.post("/metrics").status_code == 405


def test_the_state_is_what_the_pages_say(client: Client, public: None, new_version: NewVersion, ada: User) -> None:
    before = read(client)
    new_version()
    told = read(client)
    assert told["custody_versions_in_production"] == before["custody_versions_in_production"]
    assert told["custody_requests_waiting state=open"] == 0
    assert told["custody_log_state state=silent"] == 1
    assert 0 < told["custody_disk_free_bytes"] <= told["custody_disk_size_bytes"]


def test_a_database_that_is_away_is_said(client: Client, public: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise DatabaseError

    monkeypatch.setattr("config.metrics.view.gauges", away)
    told = read(client)
    assert told["custody_database_up"] == 0
    assert "custody_requests_waiting state=open" not in told


@pytest.mark.django_db(transaction=True)
def test_events_are_counted_after_the_commit(client: Client, public: None, new_version: NewVersion) -> None:
    counter = EVENTS.labels(Action.REGISTRY_VERSION_CREATED, "ok")
    before = counter._value.get()
    new_version()
    assert counter._value.get() == before + 1


def test_a_refusal_is_counted_by_its_rule(
    client: Client, public: None, policies: object, new_version: NewVersion, ada: User, acting: Acting
) -> None:
    version = new_version()
    before = read(client).get("custody_refusals_total rule=request", 0)
    with pytest.raises(GateRefused):
        change_stage(
            actor=acting(ada), version=version, target=Stage.PRODUCTION, archive_existing=True, reason="straight on"
        )
    assert read(client)["custody_refusals_total rule=request"] == before + 1


def test_requests_are_counted_by_interface_and_status() -> None:
    counter = HTTP_REQUESTS.labels("serving", "GET", "404")
    count_requests()  # those of other tests
    before = counter._value.get()
    serve = with_metrics(lambda _environ, start: (start("404 Not Found", []), [b""])[1])
    serve(
        {"PATH_INFO": "/api/v1/models/fraud/production", "REQUEST_METHOD": "GET"}, lambda *_answer: lambda _data: None
    )
    count_requests()
    assert counter._value.get() == before + 1


@pytest.mark.parametrize(
    ("path", "interface"),
    [
        ("/api/2.0/mlflow/runs/get", "mlflow"),
        ("//api/2.0/mlflow/runs/get", "mlflow"),
        ("/ajax-api/2.0/mlflow/runs/get", "mlflow"),
        ("/api/v1/models", "api"),
        ("/api/v1/models/fraud/production", "serving"),
        ("/static/x.css", "static"),
        ("/healthz", "probe"),
        ("/metrics", "probe"),
        ("/models/fraud/", "pages"),
        ("/", "pages"),
    ],
)
def test_interfaces(path: str, interface: str) -> None:
    assert interface_of(path) == interface


COUNT = """
from core.metrics import EVENTS
for _ in range(int({n})):
    EVENTS.labels("counted", "ok").inc()
"""
TOTAL = """
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
registry = CollectorRegistry()
MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


def run(code: str, folder: Path) -> str:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_counters_of_processes_are_added_up(tmp_path: Path) -> None:
    for number in (2, 5):
        run(COUNT.format(n=number), tmp_path)
    assert 'custody_events_total{action="counted",outcome="ok"} 7.0' in run(TOTAL, tmp_path)
    assert {path.stat().st_blocks * 512 >= path.stat().st_size for path in tmp_path.glob("*.db")} == {True}


def test_a_folder_without_space_does_not_stop_the_process(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    run(COUNT.format(n=1), missing)
    assert not missing.exists()


def known_metrics() -> set[str]:
    """Return the names of all metrics in the product's source."""
    text = "\n".join(
        (ROOT / name).read_text(encoding="utf-8") for name in ("core/metrics.py", "config/metrics/state.py")
    )
    names = {f"custody_{name}" for name in re.findall(r'_gauge\(\s*"(\w+)"', text)} | {"custody_database_up"}
    counters = re.findall(r'Counter\(\s*"(\w+)"', text)
    return (
        names
        | set(re.findall(r'Gauge\(\s*"(\w+)"', text))
        | {f"{name}_total" for name in counters}
        | {f"{name}_bucket" for name in re.findall(r'Histogram\(\s*"(\w+)"', text)}
    )


def test_rules_and_dashboard_ask_for_metrics_that_exist() -> None:
    panels = json.loads((MONITORING / "grafana.json").read_text(encoding="utf-8"))["panels"]
    asked = (MONITORING / "alerts.yaml").read_text(encoding="utf-8") + "\n".join(
        target["expr"] for panel in panels for target in panel["targets"]
    )
    names = set(re.findall(r"\bcustody_\w+", asked))
    assert len(names) > 15
    assert names - known_metrics() == set()


def test_the_connections_of_the_pool_are_told(client: Client, public: None, db: None) -> None:
    told = read(client)
    states = {name: told.get(f"custody_database_pool state={name}", -1) for name in ("max", "open", "used", "waiting")}
    if pool_state() is None:
        assert set(states.values()) == {-1}
    else:
        assert states["max"] >= states["open"] >= states["used"] >= 0 == states["waiting"]


SAMPLE = """
from core.metrics import DATABASE_POOL
DATABASE_POOL.labels("used").set(3)
"""


def test_the_gauges_of_a_process_end_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(SAMPLE, tmp_path)
    assert 'custody_database_pool{state="used"} 3.0' in run(TOTAL, tmp_path)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    forget_ended_processes()
    assert "custody_database_pool{" not in run(TOTAL, tmp_path)


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs Debian's prometheus")
@pytest.mark.parametrize(("what", "file"), [("rules", "alerts.yaml"), ("config", "prometheus.yaml")])
def test_promtool_takes_the_files(what: str, file: str) -> None:
    words = ["promtool", "check", what, *(["--syntax-only"] if what == "config" else []), str(MONITORING / file)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_gauge_is_read_in_a_fixed_number_of_queries(
    db: None, new_version: NewVersion, django_assert_max_num_queries: object
) -> None:
    new_version()
    assert callable(django_assert_max_num_queries)
    with django_assert_max_num_queries(16):
        assert len(list(state.gauges())) > 15
