"""Charts: curves of many points are thinned without losing their ends, their lowest and their highest values."""

from __future__ import annotations

import math

from console.shell.charts import thin


def test_a_short_curve_is_kept_as_it_is() -> None:
    points = [(0.0, 1.0), (1.0, 2.0)]
    assert thin(points, 10) == points


def test_a_long_curve_keeps_its_ends_and_its_peaks() -> None:
    points = [(float(step), math.sin(step / 50)) for step in range(5000)]
    points[1234], points[4321] = (1234.0, 9.0), (4321.0, -9.0)
    thinned = thin(points, 100)
    assert len(thinned) <= 102
    assert (thinned[0], thinned[-1]) == (points[0], points[-1])
    assert {points[1234], points[4321]} <= set(thinned)
    assert thinned == sorted(thinned)
