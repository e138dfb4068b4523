"""The message of a 429, the same from every program."""

from __future__ import annotations

import math

from config.limits.rate import Excess


def excess_text(excess: Excess) -> str:
    """Return the message for a caller beyond a limit."""
    limit = f"{excess.limit.per_minute:g} requests a minute"
    whose = "one account" if excess.limit.kind == "account" else "one token or session"
    return f"This server takes {limit} of {whose}. Try again in {max(1, math.ceil(excess.seconds))} s."
