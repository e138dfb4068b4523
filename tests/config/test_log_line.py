"""One form of log line, whoever writes it."""

import json
import logging

import structlog

from config.logs import JsonLine, LogLine


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


def test_a_json_line_is_one_object_with_its_traceback() -> None:
    try:
        int("bang")
    except ValueError as error:
        details = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("a.logger", logging.ERROR, "x.py", 1, "failed\nat=now\x00", (), details)
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        written = JsonLine().format(record)
    assert "\n" not in written
    assert "\x00" not in written
    line = json.loads(written)
    assert (line["level"], line["logger"], line["event"]) == ("error", "a.logger", "failed\nat=now\x00")
    assert line["request_id"] == "r-1"
    assert line["exception"].endswith("ValueError: invalid literal for int() with base 10: 'bang'")
