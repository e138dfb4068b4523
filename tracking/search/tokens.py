"""Tokens of a filter, from sqlparse's lexer."""

from __future__ import annotations

from dataclasses import dataclass

from sqlparse import lexer
from sqlparse import tokens as kinds

from core.errors import InvalidInput

# The lexer's cost grows faster than the text (0.2 s at this length); SQLite takes patterns of up to 50,000 bytes.
MAX_LENGTH = 16_000


@dataclass(frozen=True, slots=True)
class Token:
    """One token. ``is_adjacent``: it follows the previous token without a blank."""

    text: str
    is_adjacent: bool
    is_number: bool = False
    is_word: bool = False

    @property
    def is_quoted(self) -> bool:
        """Return whether the token stands in quotes: '…', "…" or `…`."""
        return len(self.text) > 1 and self.text[0] in "'\"`" and self.text[-1] == self.text[0]

    @property
    def is_string(self) -> bool:
        """Return whether the token may be a text value: '…' or "…"."""
        return self.is_quoted and self.text[0] != "`"

    @property
    def is_name(self) -> bool:
        """Return whether the token may be a key or a part of one: a bare word, `…` or "…"."""
        return self.is_word or (self.is_quoted and self.text[0] != "'")

    @property
    def name(self) -> str:
        """Return the text without its quotes; inside quotes, a doubled quote is one."""
        if not self.is_quoted:
            return self.text
        quote = self.text[0]
        return self.text[1:-1].replace(quote * 2, quote)

    @property
    def word(self) -> str:
        """Return an operator or keyword in the form that is compared: upper case, single blanks."""
        return " ".join(self.text.upper().split())

    @property
    def excerpt(self) -> str:
        """Return the token for an error message, quoted and cut to 100 characters."""
        return repr(self.text if len(self.text) <= 100 else self.text[:100] + "…")  # noqa: PLR2004 - for messages


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of ``text``.

    Raises InvalidInput: it is too long, or holds a comment, a NUL or a lone surrogate.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidInput(f"A filter may have at most {MAX_LENGTH} characters; this one has {len(text)}.")
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise InvalidInput("A filter may not hold NUL characters or halves of surrogate pairs.")
    tokens: list[Token] = []
    is_adjacent = False
    for kind, word in lexer.tokenize(text):  # type: ignore[no-untyped-call]  # sqlparse has no types
        if kind in kinds.Comment:
            raise InvalidInput("A filter may not hold comments.")
        if not word.strip():
            is_adjacent = False
            continue
        for part in _apart(kind, word):
            is_word = kind in kinds.Name or kind in kinds.Keyword or word.replace("_", "a").isalnum()
            tokens.append(Token(part, is_adjacent, is_number=kind in kinds.Number, is_word=is_word))
            is_adjacent = True
    return tokens


def _apart(kind: object, word: str) -> list[str]:
    """Cut "NOT NULL", which the lexer keeps together, so that blanks between words do not matter."""
    return word.split() if kind in kinds.Keyword else [word]
