"""Names that a reader would confuse: the same letters in another script, case, width or with invisible characters."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

# Invisible characters: controls, format characters (zero-width joiners among them), surrogates, line separators.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Letters and marks that Unicode draws as nothing, although their category says otherwise: the grapheme joiner, fillers
# of Hangul, vowels of Khmer, and selectors of Mongolian and of variants.
_DRAWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Case-folded letters of other scripts that are drawn like Latin ones; NFKC leaves them apart. By Latin letter:
# Cyrillic, Greek, Armenian, IPA.
_DRAWN_LIKE = {
    "a": "\u0430\u03b1\u0251",
    "b": "\u0432\u03b2",
    "c": "\u0441",
    "d": "\u0501",
    "e": "\u0435\u03b5",
    "g": "\u0261",
    "h": "\u04bb\u043d",
    "i": "\u0456\u03b9\u0131",
    "j": "\u0458",
    "k": "\u043a\u03ba",
    "l": "\u04cf",
    "m": "\u043c\u03bc",
    "n": "\u0578",
    "o": "\u043e\u03bf\u0585",
    "p": "\u0440\u03c1",
    "q": "\u051b",
    "s": "\u0455",
    "t": "\u0442\u03c4",
    "u": "\u03c5",
    "v": "\u0475\u03bd",
    "w": "\u051d\u03c9",
    "x": "\u0445\u03c7",
    "y": "\u0443",
    "z": "\u03b6",
}
_LOOKALIKES = {ord(other): latin for latin, others in _DRAWN_LIKE.items() for other in others}


def is_unseen(letter: str) -> bool:
    """Return whether a reader sees nothing of a character; a blank is seen."""
    return unicodedata.category(letter) in _UNSEEN or _DRAWN_AS_NOTHING.match(letter) is not None


def look_alike_key(name: str) -> str:
    """Return a name without all differences that a reader could overlook.

    Percent-encoding, width and ligatures (NFKC), case, accents' composition, look-alike letters, kinds of dash and of
    blank, invisible characters, and blanks or dots at the ends.
    """
    folded = unicodedata.normalize("NFKC", unquote(name, errors="replace")).casefold().translate(_LOOKALIKES)
    seen = (_plain_letter(letter) for letter in unicodedata.normalize("NFKC", folded))
    return " ".join("".join(seen).split()).strip(" .")


def _plain_letter(letter: str) -> str:
    if is_unseen(letter):
        return ""
    category = unicodedata.category(letter)
    if category == "Pd":
        return "-"
    return " " if category == "Zs" else letter
