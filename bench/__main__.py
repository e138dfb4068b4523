"""`python -m bench [AREA …] [--only TEXT]`: run the figures of areas, or of all that have any; exit 1 where one falls
short. `--size` is that of the database of the area `growth`.

With `--only` the figures whose name contains the text are shown; in the area `protocol` nothing else is measured.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator

from bench import artifacts, governance, protocol, serving
from bench.audit import area as audit
from bench.edge import delays, two_hosts
from bench.figures import Figure
from bench.graph import area as graph
from bench.growth import area
from bench.growth.size import SIZES

AREAS: dict[str, Callable[[str], Iterator[Figure]] | None] = {
    "serving": lambda _only: serving.figures(),
    "protocol": protocol.figures,
    "artifacts": lambda _only: artifacts.figures(),
    "governance": governance.figures,
    "lineage": lambda _only: graph.figures(),
    "audit": lambda _only: audit.figures(),
    "edge": lambda _only: delays.figures(),
    "hosts": lambda _only: two_hosts.figures(),
    "growth": lambda only: area.figures(only, os.environ[SIZE]),
}
SIZE = "GROWTH_BENCH_SIZE"


def main(arguments: list[str]) -> int:
    """Print one line for each figure and return the exit code."""
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("areas", nargs="*", metavar="AREA", help=", ".join(AREAS))
    parser.add_argument("--only", default="", metavar="TEXT", help="figures whose name contains this")
    size = os.environ.get(SIZE, "middle")
    parser.add_argument("--size", default=size, choices=SIZES, help="the database of the area growth")
    options = parser.parse_args(arguments)
    os.environ[SIZE] = options.size
    if unknown := [name for name in options.areas if name not in AREAS]:
        parser.error(f"there is no area {unknown[0]}; there are {', '.join(AREAS)}")
    areas = options.areas or [name for name, area in AREAS.items() if area]
    return max([_run(name, options.only) for name in areas])


def _run(name: str, only: str) -> int:
    area = AREAS[name]
    if area is None:
        print(f"{name}: this area has no figures yet")
        return 1
    code = 0
    for figure in area(only):
        if only in figure.name:
            print(f"{name}: {figure}", flush=True)
            code = code if figure.is_ok else 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
