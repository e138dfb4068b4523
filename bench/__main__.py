"""`python -m bench [AREA]`: run the figures of an area, or of all that have any; exit 1 where one falls short."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from bench import artifacts, check_latency, protocol, serving
from bench.figures import Figure

AREAS: dict[str, Callable[[], Iterator[Figure]] | None] = {
    "serving": serving.figures,
    "protocol": protocol.figures,
    "artifacts": artifacts.figures,
    "governance": check_latency.figures,
    "lineage": None,
    "audit": None,
}


def main(arguments: list[str]) -> int:
    """Print a line a figure and return the exit code."""
    if unknown := [name for name in arguments if name not in AREAS]:
        print(f"There is no area {unknown[0]}; there are {', '.join(AREAS)}.", file=sys.stderr)
        return 2
    code = 0
    for name in arguments or [name for name, area in AREAS.items() if area]:
        area = AREAS[name]
        if area is None:
            print(f"{name}: this area has no figures yet")
            code = 1
            continue
        for figure in area():
            print(f"{name}: {figure}", flush=True)
            code = code if figure.is_ok else 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
