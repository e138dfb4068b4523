"""Load on loopback, with wrk."""

from __future__ import annotations

import re
import statistics
import subprocess

CONNECTIONS = 32


class BadAnswers(Exception):
    """The server refused or failed under load: its speed means nothing."""


def requests_per_second(url: str, *, headers: dict[str, str], seconds: int = 5) -> float:
    """Return how many requests a second ``url`` answers with 2xx over CONNECTIONS connections; raise BadAnswers on others."""
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
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if trouble := re.search(r"Non-2xx.*|Socket errors:.*", said):
        raise BadAnswers(f"{url}: {trouble.group()}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found, said
    return float(found[1])


def alternate(targets: dict[str, tuple[str, dict[str, str]]], *, rounds: int = 3) -> dict[str, float]:
    """Return the median of several runs for each (URL, headers), taken in turn, so that a noisy moment hits them alike."""
    for url, headers in targets.values():
        requests_per_second(url, headers=headers, seconds=2)  # warm
    taken: dict[str, list[float]] = {name: [] for name in targets}
    for _ in range(rounds):
        for name, (url, headers) in targets.items():
            taken[name].append(requests_per_second(url, headers=headers))
    return {name: statistics.median(values) for name, values in taken.items()}
