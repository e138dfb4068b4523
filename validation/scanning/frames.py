"""Frames of a pickle (PEP 3154). Readers disagree about an instruction that crosses a frame's end: Python's own refuses it,
the C one drops what it had read of a name and goes on behind it, so that ``sklearn.x`` may become ``earn.x``. No pickler
writes such a stream; here it is malformed.
"""

from __future__ import annotations


class FrameBroken(Exception):
    """The stream does not keep to its frames."""


class Frames:
    """Follows the frames of one pickle, by absolute position in the stream."""

    def __init__(self) -> None:
        self._end = -1

    def pass_over(self, opcode: str, argument: object, start: int, end: int) -> None:
        """Take note of an instruction at ``start`` … ``end`` (exclusive); raise FrameBroken where it breaks the frame."""
        inside = start < self._end
        if inside and (end > self._end or opcode == "FRAME"):
            raise FrameBroken("an instruction crosses the end of its frame")
        if inside and opcode == "STOP" and end != self._end:
            raise FrameBroken("it stops before its frame ends")
        if opcode == "FRAME" and isinstance(argument, int):
            self._end = end + argument

    def pass_raw(self, start: int, end: int) -> None:
        """Take note of raw bytes between instructions: they lie outside frames."""
        if end > start and start < self._end:
            raise FrameBroken("raw bytes lie inside a frame")
