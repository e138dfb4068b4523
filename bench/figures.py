"""One measured figure and how it is printed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value of Custody and the value it is compared with, in one unit; more is better.

    ``target`` is the least acceptable ratio of the two.
    """

    name: str
    ours: float
    other: float
    other_name: str
    target: float
    unit: str = "/s"

    @property
    def ratio(self) -> float:
        """Return the ratio of Custody's value to the other."""
        return self.ours / self.other if self.other else float("inf")

    @property
    def is_ok(self) -> bool:
        """Return whether the target is reached."""
        return self.ratio >= self.target

    def __str__(self) -> str:
        return (
            f"{self.name} | ours {self.ours:,.0f}{self.unit} | {self.other_name} {self.other:,.0f}{self.unit} | "
            f"ratio {self.ratio:.2f} | target ≥ {self.target:g} | {'ok' if self.is_ok else 'SHORT'}"
        )
