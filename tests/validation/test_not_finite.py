"""A metric that is not a finite number passes no comparison, whatever it is compared with."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.validation.subjects import subject
from validation.base import Incumbent, RunFacts, Subject, is_usable
from validation.catalogue import known_checks

BAD = st.sampled_from([math.nan, math.inf, -math.inf, 1.797e308, -1.797e308, 1.7976931348623157e308])
FINE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
# Every check that reads a number, with parameters that let any finite number pass.
CHECKS: dict[str, dict[str, object]] = {
    "metric.threshold": {"metric": "m", "at_least": -1e300},
    "metric.no_regression": {"metric": "m", "tolerance": 1e9},
    "metric.slices": {"metric": "m", "at_most": 1e300, "min_slices": 1},
}
NAMES = st.sampled_from(["m", "m_a", "m_n", "m_ci_low", "m_ci_high"])


def run_facts(values: dict[str, float]) -> RunFacts:
    """Return the facts of a run with these metrics, as they are read from the database."""
    return RunFacts(
        run_id="r",
        metrics={key: value for key, value in values.items() if is_usable(value)},
        unusable=tuple(key for key, value in values.items() if not is_usable(value)),
    )


def passes(code: str, ours: dict[str, float], theirs: dict[str, float]) -> bool:
    check, params = known_checks()[code], CHECKS[code]
    tested: Subject = replace(subject(), run=run_facts(ours), incumbent=Incumbent(99, 1, run_facts(theirs)))
    return check.run(tested, check.parse(params), lambda _percent: None).passed


def names_read(code: str) -> set[str]:
    return {"m", "m_n", "m_ci_low", "m_ci_high"} if code != "metric.slices" else {"m_a", "m_n", "m_ci_low", "m_ci_high"}


@given(code=st.sampled_from(sorted(CHECKS)), name=NAMES, bad=BAD, fine=FINE, other=FINE)
def test_one_bad_number_of_the_candidate_fails(code: str, name: str, bad: float, fine: float, other: float) -> None:
    if name in names_read(code):
        assert not passes(code, {"m": fine, "m_a": fine, name: bad}, {"m": other, "m_a": other})


@given(code=st.sampled_from(["metric.no_regression"]), bad=BAD, fine=FINE, lower=st.booleans())
def test_one_bad_number_of_the_incumbent_fails(code: str, bad: float, fine: float, lower: bool) -> None:
    theirs = {"m": bad, "val_auc": 0.1} if lower else {"m": bad}
    assert not passes(code, {"m": fine, "val_auc": fine}, theirs)


@given(fine=FINE)
def test_finite_numbers_may_pass(fine: float) -> None:
    assert passes("metric.threshold", {"m": fine}, {})
    assert passes("metric.slices", {"m_a": fine}, {})
    assert passes("metric.no_regression", {"m": fine}, {"m": fine})
