"""The format of log lines: time, level, logger, message and request id, as key=value or as JSON."""

from __future__ import annotations

import logging

import structlog

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
]


# Control characters, except for tab and newline, which tracebacks have.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(9), 11, 12, *range(13, 32), *range(127, 160))}


class _Line(structlog.stdlib.ProcessorFormatter):
    """Renders every log record, ours and those of libraries, by the last of its processors."""

    def __init__(self, render: structlog.typing.Processor) -> None:
        super().__init__(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                render,
            ],
        )


class LogLine(_Line):
    """Renders a log record as one line of key=value, followed by the traceback of an error."""

    def __init__(self) -> None:
        super().__init__(_put_traceback_last)


class JsonLine(_Line):
    """Renders a log record as one JSON object on one line; the traceback of an error is its field `exception`."""

    def __init__(self) -> None:
        super().__init__(structlog.processors.JSONRenderer(sort_keys=True))  # ASCII alone: other characters are escaped


def _put_traceback_last(_logger: logging.Logger, _name: str, event: structlog.typing.EventDict) -> str:
    """Return the line, followed by the traceback as readable text."""
    traceback = event.pop("exception", "")
    line = structlog.processors.LogfmtRenderer(key_order=["at", "level", "logger", "event"])(_logger, _name, event)
    return _visible(f"{line}\n{traceback}" if traceback else str(line))


def _visible(text: str) -> str:
    """Return the text with control characters written out: a NUL byte makes a log binary,
    an escape moves the cursor.
    """
    return text.translate(_CONTROLS)
