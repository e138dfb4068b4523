"""`python -m bench.graph.events_worker prepare|NUMBER`: make the database, or send OpenLineage events in batches."""

from __future__ import annotations

import sys
import time
import uuid
from typing import Any

import django

django.setup()

import orjson
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from accounts.models import User

_BATCH = 1000
_RUNS = 3000
_RUNS_OF_A_PIPELINE = 20
_NAMESPACE = "postgres://warehouse:5432"


def prepare() -> None:
    """Make the tables and the account that sends."""
    call_command("migrate", verbosity=0)
    User.objects.create(username="ops", is_superuser=True, is_staff=True)


def main(sender: int) -> None:
    """Send the two events of each run and print how many seconds that took. Senders share datasets, and no run."""
    settings.ALLOWED_HOSTS = ["*"]
    first = sender * _RUNS
    client = Client()
    client.force_login(User.objects.get(username="ops"))
    events = [event for number in range(first, first + _RUNS) for event in life(number)]
    bodies = [orjson.dumps(events[start : start + _BATCH]) for start in range(0, len(events), _BATCH)]
    client.get("/api/v1/lineage?nodeId=job:none:none")  # what is loaded with the first call is not measured
    begun = time.perf_counter()
    for body in bodies:
        answer = client.post("/api/v1/lineage/batch", body, content_type="application/json")
        summary = answer.json()["summary"]
        if summary["failed"]:
            raise RuntimeError(answer.content.decode()[:500])
    print(orjson.dumps({"events": len(events), "seconds": time.perf_counter() - begun}).decode())


def life(number: int) -> list[dict[str, Any]]:
    """Return the start and the end of one run of a pipeline: two tables read, one written."""
    pipeline, step = divmod(number, _RUNS_OF_A_PIPELINE)
    run = {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"run {number}")), "facets": _run_facets()}
    job = {"namespace": "nightly", "name": f"shop.step{step}", "facets": _job_facets(step)}
    inputs = [
        _table(f"stage{step}", {"version": {"datasetVersion": f"{pipeline}"}}),
        _table(f"dimension{step % 5}", {"version": {"datasetVersion": "7"}}),
    ]
    outputs = [_table(f"stage{step + 1}", {"version": {"datasetVersion": f"{pipeline}"}})]
    shared = {
        "producer": "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/client/python",
        "run": run,
        "job": job,
    }
    schema = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    minute = f"2026-11-{1 + pipeline % 28:02}T{pipeline % 24:02}:{step:02}"
    start = {"eventType": "START", "eventTime": f"{minute}:00.000Z", "schemaURL": schema, **shared, "inputs": inputs}
    end = {"eventType": "COMPLETE", "eventTime": f"{minute}:30.000Z", "schemaURL": schema, **shared}
    return [start | {"outputs": []}, end | {"inputs": inputs, "outputs": outputs}]


def _run_facets() -> dict[str, Any]:
    return {"processing_engine": {"version": "1.10", "name": "dbt", "openlineageAdapterVersion": "1.54.0"}}


def _job_facets(step: int) -> dict[str, Any]:
    return {
        "sql": {"query": f"insert into stage{step + 1} of step {step}"},
        "jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": "MODEL"},
        "sourceCodeLocation": {"type": "git", "url": "https://git.example.com/shop", "version": "b7d9e4f0" * 5},
    }


def _table(name: str, facets: dict[str, Any]) -> dict[str, Any]:
    fields = [{"name": f"column{number}", "type": "BIGINT"} for number in range(12)]
    return {"namespace": _NAMESPACE, "name": f"shop.{name}", "facets": {"schema": {"fields": fields}, **facets}}


if __name__ == "__main__":
    prepare() if sys.argv[1] == "prepare" else main(int(sys.argv[1]))
