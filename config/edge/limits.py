"""Limits of requests for each token and account in the program edge, counted together with those of web servers."""

from __future__ import annotations

import math

from django.conf import settings

from accounts.authentication import token_digest
from config.edge import answers
from config.edge.answers import Answer
from config.limits.rate import Limit, excess_of
from config.limits.texts import excess_text
from core.actors import Actor
from core.metrics import RATE_LIMITED


def excess_answer(secret: str, actor: Actor | None) -> Answer | None:
    """Count a question towards the limits of its token and account; return the 429 beyond them, else None.

    A question counts when it is asked, however long its client waits. Events of a stream count nothing.
    """
    limits = [Limit("token", token_digest(secret), settings.TOKEN_RATE)]
    if actor is not None and actor.user_id is not None:
        limits.append(Limit("account", str(actor.user_id), settings.ACCOUNT_RATE))
    excess = excess_of([limit for limit in limits if limit.per_minute])
    if excess is None:
        return None
    RATE_LIMITED.labels(excess.limit.kind).inc()
    return answers.too_many(excess_text(excess), max(1, math.ceil(excess.seconds)))
