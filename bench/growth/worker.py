"""`python -m bench.growth.worker SIZE`: fill the database if it is empty, measure in this process,
print one line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django

django.setup()

from celery import current_app
from django.conf import settings
from django.core.management import call_command
from django.http import HttpResponseBase
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from bench.growth.routes import page_paths
from bench.growth.searches import SEARCHES, Search
from bench.growth.seed import seed
from bench.growth.size import SIZES
from core.actors import system_actor
from tracking.models import Experiment, Run

_TIMES = 3
_LONG_MS = 3000.0
_MOST_CALLS = 20
_PEOPLE = ("bea", "ops")
_ONLY = os.environ.get("GROWTH_BENCH_ONLY", "")


def measured_ms(work: Callable[[], object]) -> float:
    """Return the median milliseconds of three calls after a first one, or those of the first where it takes long."""
    times: list[float] = []
    for _ in range(1 + _TIMES):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
        if times[0] > _LONG_MS:
            return times[0]
    return statistics.median(times[1:])


def pages() -> dict[str, float]:
    """Return the milliseconds of each page and list that answers, for the slower of a reviewer and a superuser."""
    clients = {name: Client(headers={"host": "localhost"}) for name in _PEOPLE}
    for name, client in clients.items():
        client.force_login(User.objects.get(username=name))
    figures: dict[str, float] = {}
    for path in [path for path in page_paths() if _ONLY in path]:
        for client in clients.values():
            if _status(client, path) == 200:
                took = measured_ms(lambda client=client, path=path: _status(client, path))  # type: ignore[misc]  # bound
                figures[path] = max(took, figures.get(path, 0.0))
        print(f"{figures.get(path, 0.0):9.1f} ms {path}", file=sys.stderr, flush=True)
        if path not in figures:
            print("left out:", path, file=sys.stderr)
    return figures


def _status(client: Client, path: str) -> int:
    """Return the status of a page, with its whole content read."""
    try:
        response = client.get(path)
    except Exception as error:  # noqa: BLE001 - one page that fails is named, and the others are measured
        print("failed:", path, repr(error)[:300], file=sys.stderr)
        return 500
    _read(response)
    return int(response.status_code)


def _read(response: HttpResponseBase) -> int:
    """Return the number of bytes of an answer."""
    return sum(len(part) for part in response)


def searches() -> list[dict[str, float | str]]:
    """Return the milliseconds, megabytes and growth of this process in megabytes for each search of the protocol."""
    bea = User.objects.get(username="bea")
    _, secret = issue_token(actor=system_actor("bench"), user=bea, expires_in=timedelta(days=1))
    client = Client(headers={"host": "localhost", "authorization": f"Bearer {secret}"})
    browser = Client(headers={"host": "localhost"})
    browser.force_login(bea)
    experiment = str(Experiment.objects.filter(pk__gt=0).order_by("pk")[0].pk)
    run = Run.objects.order_by("pk")[0].pk
    client.get(SEARCHES[0].path)  # the first call reads the URLs
    return [
        _searched(
            client if search.path.startswith("/api/") else browser, search, {"experiment": experiment, "run": run}
        )
        for search in SEARCHES
        if _ONLY in search.name
    ]


def _searched(client: Client, search: Search, names: dict[str, str]) -> dict[str, float | str]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sizes: list[int] = []

    def send() -> None:
        path, body = search.path.format_map(names), search.body.replace("$experiment", names["experiment"])
        answer = client.post(path, body, content_type="application/json") if body else client.get(path)
        assert answer.status_code == 200, (path, answer.content[:300])
        sizes.append(_read(answer))

    took = measured_ms(send)
    print(f"{took:9.1f} ms search {search.name}", file=sys.stderr, flush=True)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"name": search.name, "ms": took, "limit": search.most_ms, "mb": sizes[-1] / 1e6, "grown": grown,
            "most_mb": search.most_mb}  # fmt: skip


def tasks() -> dict[str, tuple[float, float]]:
    """Return the milliseconds and the interval in seconds of each scheduled task when nothing has changed."""
    figures: dict[str, tuple[float, float]] = {}
    schedule: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    for entry in schedule.values():
        current_app.loader.import_default_modules()
        if _ONLY not in entry["task"]:
            continue
        task = current_app.tasks[entry["task"]]
        began = time.perf_counter()
        for _ in range(_MOST_CALLS):  # the first calls may find work
            if not task():
                break
        first = (time.perf_counter() - began) * 1000
        figures[entry["task"]] = (measured_ms(task), float(entry["schedule"]))
        again = figures[entry["task"]][0]
        print(f"{again:9.1f} ms {entry['task']}, with work {first:,.0f} ms", file=sys.stderr, flush=True)
    return figures


def main(size: str) -> None:
    """Seed where nothing is, measure, print."""
    call_command("migrate", interactive=False, verbosity=0)
    if not Run.objects.exists():
        seed(SIZES[size])
    figures = {"searches": searches(), "tasks": tasks(), "pages": pages(), "load": os.getloadavg()[0]}
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1])
