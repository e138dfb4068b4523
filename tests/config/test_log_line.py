"""One form of log line, whoever writes it."""

import logging

import structlog

from config.logs import LogLine


def line(message: str, exc_info: object = None) -> str:
    record = logging.LogRecord("a.logger", logging.WARNING, "x.py", 1, message, (), exc_info)  # type: ignore[arg-type]  # any exc_info
    return LogLine().format(record)


def test_a_line_names_its_request() -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        written = line("two words")
    assert written.startswith("at=")
    assert 'level=warning logger=a.logger event="two words" request_id=r-1' in written


def test_a_line_cannot_be_forged_by_its_message() -> None:
    assert "\n" not in line("one\nat=now level=error event=forged")


def test_a_traceback_stays_readable() -> None:
    try:
        int("bang")
    except ValueError as error:
        written = line("failed", (ValueError, error, error.__traceback__))
    assert written.splitlines()[0].endswith("event=failed")
    assert written.splitlines()[-1] == "ValueError: invalid literal for int() with base 10: 'bang'"


def test_control_characters_are_written_out() -> None:
    written = line("a\x00b\x1b[2Jc\x9bd")
    assert r"\x00" in written
    assert r"\x1b" in written
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in written)
