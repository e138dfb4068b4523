"""A bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import io

import pytest

from importing.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_goes_away() -> None:
    screen = Terminal()
    progress = Progress(screen, total=4)
    progress.step("runs of churn")
    assert "[########......................]  25% runs of churn" in screen.getvalue()
    progress.close()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_a_log_gets_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    progress = Progress(log, total=1000)
    for _ in range(500):
        progress.step("runs of churn")
    assert log.getvalue() == ""
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    progress.step("runs of churn")
    progress.close()
    assert log.getvalue() == "50% (501 of about 1000): runs of churn\n"
