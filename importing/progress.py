"""The progress of an import: a bar on a terminal, otherwise a line every ten seconds."""

from __future__ import annotations

import time
from typing import TextIO

_WIDTH = 30
_BAR_SECONDS = 0.1
_LINE_SECONDS = 10.0


class Progress:
    """Counts steps towards a total. The total is an estimate, because the source may grow during the import."""

    def __init__(self, stream: TextIO, total: int) -> None:
        self._stream = stream
        self._total = max(total, 1)
        self._done = 0
        self._is_terminal = stream.isatty()
        self._shown_at = 0.0 if self._is_terminal else time.monotonic()

    def step(self, label: str) -> None:
        """Count one step, and show the progress at intervals."""
        self._done += 1
        now = time.monotonic()
        if now - self._shown_at >= (_BAR_SECONDS if self._is_terminal else _LINE_SECONDS):
            self._shown_at = now
            self._show(label)

    def close(self) -> None:
        """Clear the line of the bar."""
        if self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _show(self, label: str) -> None:
        part = min(self._done / self._total, 1.0)
        if self._is_terminal:
            full = round(part * _WIDTH)
            self._stream.write(f"\r\x1b[K[{'#' * full}{'.' * (_WIDTH - full)}] {part:4.0%} {label[:40]}")
        else:
            self._stream.write(f"{part:.0%} ({self._done} of about {self._total}): {label}\n")
        self._stream.flush()
