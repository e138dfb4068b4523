"""How many rows the database of the growth figures has."""

from __future__ import annotations

from dataclasses import dataclass

VERSIONS_OF_A_MODEL = 20
POINTS_OF_A_RUN = 25
EXPERIMENTS = 600


@dataclass(frozen=True, slots=True)
class Size:
    """Numbers of rows. Each run has 25 points, each model 20 versions, of which the last two may have a request."""

    runs: int
    models: int
    requests: int
    events: int

    def __str__(self) -> str:
        return (
            f"{self.runs:,} runs, {self.runs * POINTS_OF_A_RUN:,} points, {self.models:,} models of "
            f"{VERSIONS_OF_A_MODEL} versions, {self.requests:,} open requests, {self.events:,} events"
        )


SIZES = {
    "small": Size(runs=4_000, models=100, requests=200, events=20_000),
    "middle": Size(runs=40_000, models=1_000, requests=2_000, events=400_000),
    "full": Size(runs=200_000, models=5_000, requests=10_000, events=2_000_000),
}
