"""Scan of SentencePiece models, which are lists of the pieces of a tokenizer."""

from __future__ import annotations

from typing import BinaryIO

from validation.scanning.formats.protobuf import BYTES, FIXED32, VARINT, Message
from validation.scanning.report import Budget, FileReport, Unsafe

_PIECES, _TRAINER, _NORMALIZER, _SELF_TEST, _DENORMALIZER = 1, 2, 3, 4, 5
_KNOWN = {_PIECES, _TRAINER, _NORMALIZER, _SELF_TEST, _DENORMALIZER}
_OF_A_PIECE = {(1, BYTES), (2, FIXED32), (3, VARINT)}


def scan_sentencepiece(report: FileReport, stream: BinaryIO, budget: Budget) -> bool:
    """Scan a SentencePiece model. Return False for any other file, also for a damaged model.

    A model is recognised by its structure: it consists of known fields, and each piece has a text, a score and a kind.
    """
    if stream.read(1) != b"\x0a":
        return False
    message = Message(stream, budget, "a SentencePiece model")
    pieces = 0
    try:
        for number, wire, size in message.fields():
            if number not in _KNOWN or wire != BYTES:
                return False
            if number == _PIECES:
                pieces += 1
                if any((inner, kind) not in _OF_A_PIECE for inner, kind, _ in message.inside(size)):
                    return False
    except Unsafe:
        return False
    report.format = "SentencePiece model"
    return pieces > 0
