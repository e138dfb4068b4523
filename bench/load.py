"""Load on loopback, with wrk."""

from __future__ import annotations

import re
import statistics
import subprocess

from bench.servers import alone

CONNECTIONS = 32


class BadAnswers(Exception):
    """The server refused or failed requests under load, so its speed is not comparable."""


def requests_per_second(url: str, *, headers: dict[str, str], seconds: int = 5) -> float:
    """Return how many requests a second ``url`` answers with 2xx over CONNECTIONS connections; raise BadAnswers on
    others.
    """
    command = [
        "wrk",
        "--threads",
        "1",
        "--connections",
        str(CONNECTIONS),
        "--duration",
        f"{seconds}s",
        "--timeout",
        "10s",
    ]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    output = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if errors := re.search(r"Non-2xx.*|Socket errors:.*", output):
        raise BadAnswers(f"{url}: {errors.group()}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert rate, output
    return float(rate[1])


def alternate(targets: dict[str, tuple[str, dict[str, str]]], *, rounds: int = 3) -> dict[str, float]:
    """Return the median of several runs for each (URL, headers), measured in turn, so that other load affects them
    alike. Other servers stand still meanwhile.
    """
    for url, headers in targets.values():
        with alone(url):
            requests_per_second(url, headers=headers, seconds=2)  # warm
    taken: dict[str, list[float]] = {name: [] for name in targets}
    for _ in range(rounds):
        for name, (url, headers) in targets.items():
            with alone(url):
                taken[name].append(requests_per_second(url, headers=headers))
    return {name: statistics.median(values) for name, values in taken.items()}
