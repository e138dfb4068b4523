from hypothesis import given
from hypothesis import strategies as st

from console.runs.presenters.curves import curves_of
from console.shell.charts import HEIGHT, WIDTH, draw, thin
from tracking.models import Experiment, Metric, Run

values = st.floats(allow_nan=True, allow_infinity=True)
series = st.lists(values, max_size=400).map(lambda found: [(float(step), value) for step, value in enumerate(found)])


@given(series, series)
def test_anything_logged_can_be_drawn_inside_the_frame(
    one: list[tuple[float, float]], other: list[tuple[float, float]]
) -> None:
    chart = draw("loss", {"a": one, "b": other})
    for line in chart.lines if chart else ():
        assert 0 <= line.end[0] <= WIDTH
        assert 0 <= line.end[1] <= HEIGHT
        assert "nan" not in line.path


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=3000))
def test_thinning_keeps_the_extremes_and_both_ends(found: list[float]) -> None:
    points = [(float(step), value) for step, value in enumerate(found)]
    kept = thin(points)
    assert len(kept) <= 302
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert max(value for _, value in kept) == max(found)
    assert min(value for _, value in kept) == min(found)


def test_nothing_to_draw_is_no_chart() -> None:
    assert draw("loss", {"a": [(0.0, float("nan"))]}) is None


def test_a_run_keeps_its_colour_whichever_logged_first(db: None) -> None:
    experiment = Experiment.objects.create(name="curves", created_ms=1, updated_ms=1)
    for run_id, first_step in (("a" * 32, 5), ("b" * 32, 0)):
        Run.objects.create(id=run_id, experiment=experiment, artifact_uri="x", start_ms=1)
        for step in range(first_step, first_step + 3):
            Metric.objects.create(run_id=run_id, key="loss", value=step, timestamp_ms=step, step=step)
    (chart,) = curves_of({"a" * 32: "v2", "b" * 32: "v1"})
    assert [(line.colour, line.name) for line in chart.lines] == [(1, "v2"), (2, "v1")]
