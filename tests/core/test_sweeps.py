"""A failure in a sweep does not delay the other rows."""

from __future__ import annotations

import logging

import pytest

from core.sweeps import for_each


def test_a_failure_is_logged_and_the_others_are_done(caplog: pytest.LogCaptureFixture) -> None:
    changed = []

    def act(number: int) -> int:
        if number == 1:
            raise ValueError("broken")
        changed.append(number)
        return 2

    assert for_each(range(3), act, failure="a thing was not done") == 4
    assert changed == [0, 2]
    (line,) = caplog.records
    assert (line.levelno, line.getMessage()) == (logging.ERROR, "a thing was not done (1); the next sweep tries again")
    assert line.exc_info is not None
