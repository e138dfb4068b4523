"""Events and the graph that follows from them, for the tests of OpenLineage."""

from __future__ import annotations

from typing import Any

from lineage.models import Edge

RUN = "0190a1b2-0000-7000-8000-00000000000{}"


Event = dict[str, Any]


def event(kind: str, minute: int = 0, *, run: int = 1, **more: Any) -> Event:
    return {
        "eventType": kind,
        "eventTime": f"2026-11-01T10:{minute:02}:00Z",
        "producer": "https://example.com/etl",
        "run": {"runId": RUN.format(run), "facets": more.pop("run_facets", {})},
        "job": {"namespace": "etl", "name": f"load{run}", "facets": more.pop("job_facets", {})},
        **more,
    }


def table(name: str, version: str = "", **facets: Any) -> Event:
    if version:
        facets["version"] = {"datasetVersion": version}
    return {"namespace": "postgres://db:5432", "name": name, "facets": facets}


STORY = [
    event("START", inputs=[table("orders")], outputs=[table("features")]),
    event("START", inputs=[table("orders", "v1")]),
    event("RUNNING", 2, inputs=[table("rates", "v9")], job_facets={"sourceCodeLocation": {"version": "abc1234def", "repoUrl": "https://u:p@git.example.com/x.git"}}),
    event("COMPLETE", 3, outputs=[table("features", "v2")]),
    event("COMPLETE", 4, run=2, inputs=[table("features", "v2")], outputs=[table("features")], run_facets={"parent": {"run": {"runId": RUN.format(1)}, "job": {"namespace": "etl", "name": "load1"}}}),
    event("OTHER", 5, run=2, outputs=[table("report", "v1")], job_facets={"lineage": {"entries": [{**table("report"), "inputs": [table("features")]}]}}),
    event("FAIL", 5, run=3, inputs=[table("orders", "v1"), table("orders", "v1")]),
    {"eventTime": "2026-11-01T09:00:00Z", "dataset": table("orders", "v0"), "producer": "x"},
    {"eventTime": "2026-11-01T09:00:00Z", "job": {"namespace": "etl", "name": "load1"}, "inputs": [table("orders")], "producer": "x"},
]  # fmt: skip


def edge_keys() -> set[tuple[str, str, int, str]]:
    """Return the edges: URN of the source, URN of the target, relation, role."""
    return set(Edge.objects.values_list("src__urn", "dst__urn", "rel", "role"))


def version_urn(name: str, version: str) -> str:
    return f"dataset-version:postgres:%2F%2Fdb:5432%2F{name}/{version}"
