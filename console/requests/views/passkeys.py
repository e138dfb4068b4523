"""Challenges of passkeys for decisions on a request, for the script of the dialog."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from approvals.passkeys.challenges import override_challenge, review_challenge
from approvals.requests.signatures import OVERRIDE
from console.requests.queries import find_request
from console.shell.pages import page
from console.shell.passkeys import challenge_response
from core.actors import Actor


@page
@require_POST
def passkey_options(request: HttpRequest, actor: Actor, request_id: int, decision: str) -> JsonResponse:
    """Return the challenge of a passkey for a review, or for an override. The dialog sends its fields."""
    row, fields = find_request(actor, request_id), request.POST
    if decision == OVERRIDE:
        return challenge_response(
            actor,
            lambda: override_challenge(
                actor=actor,
                request=row,
                rule=fields.get("rule", ""),
                reason=fields.get("comment", ""),
                seen_digest=fields.get("seen_digest", ""),
                meaning=fields.get("meaning", ""),
            ),
        )
    return challenge_response(
        actor,
        lambda: review_challenge(
            actor=actor,
            request=row,
            decision=decision,
            comment=fields.get("comment", ""),
            seen_digest=fields.get("seen_digest", ""),
            meaning=fields.get("meaning", ""),
        ),
    )
