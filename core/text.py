"""Lists of words as English text."""

from __future__ import annotations

from collections.abc import Sequence


def english_list(words: Sequence[str], last: str = "and") -> str:
    """Return a list as part of a sentence, such as ``a, b and c``; "nobody" for an empty list."""
    if not words:
        return "nobody"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
