"""/api/v1: challenges of passkeys, before a decision. The decision is a second call, with the passkey's answer."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.passkeys.assertions import Challenge, PasskeyAnswer
from approvals.models import MAX_COMMENT, Decision
from approvals.passkeys.challenges import break_glass_challenge, override_challenge, review_challenge
from approvals.requests.queries import get_request
from core.actors import actor_of
from core.rest import ApiView, accepts
from registry.queries import get_version


class PasskeyAnswerSerializer(serializers.Serializer[Any]):
    """The signature of a passkey: the token of `passkey-options`, and the answer of `navigator.credentials.get`."""

    token = serializers.CharField(max_length=20_000)
    answer = serializers.JSONField()

    def validate(self, attrs: dict[str, Any]) -> Any:
        """Return the values as a PasskeyAnswer."""
        return PasskeyAnswer(token=attrs["token"], answer=json.dumps(attrs["answer"]))


class PasskeyOptionsSerializer(serializers.Serializer[Any]):
    """Body: the decision that will be made, or the rule that will be overridden, as in the call that follows."""

    decision = serializers.ChoiceField(choices=Decision.values, required=False)
    rule = serializers.CharField(max_length=110, required=False)
    comment = serializers.CharField(max_length=MAX_COMMENT, help_text="The comment, or the reason of the override.")
    seen_digest = serializers.CharField(max_length=64)
    meaning = serializers.CharField(
        max_length=200, default="", allow_blank=True, help_text="That of the electronic signature, where there is one."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the values. Raises ValidationError unless there is either a decision or a rule."""
        if ("decision" in attrs) == ("rule" in attrs):
            raise serializers.ValidationError("Send either decision or rule.")
        return attrs


class BreakGlassOptionsSerializer(serializers.Serializer[Any]):
    """Body: the reason and the target of the request for break-glass that will be opened."""

    reason = serializers.CharField(max_length=MAX_COMMENT)
    target = serializers.CharField(max_length=256, default="Production")


class PasskeyChallengeSerializer(serializers.Serializer[Challenge]):
    """The challenge of a passkey: the options of `navigator.credentials.get`, and the token for the next call."""

    token = serializers.CharField()
    options = serializers.JSONField()
    statement = serializers.JSONField(help_text="Its canonical JSON is what is signed.")


class PasskeyOptionsView(ApiView):
    """POST: the challenge of the caller's passkey for a review or an override. Nothing is stored."""

    @accepts(body=PasskeyOptionsSerializer, responses=PasskeyChallengeSerializer)
    def post(self, request: Request, request_id: int) -> Response:
        """Return the challenge of the caller's passkey for a review or an override.

        Raises NotFound, InvalidInput, Denied, InvalidState (no passkey), Conflict (the request has changed).
        """
        body, actor = self.body, actor_of(request)
        row = get_request(actor, request_id)
        seen = {"seen_digest": body["seen_digest"], "meaning": body["meaning"]}
        if "rule" in body:
            challenge = override_challenge(actor=actor, request=row, rule=body["rule"], reason=body["comment"], **seen)
        else:
            challenge = review_challenge(
                actor=actor, request=row, decision=body["decision"], comment=body["comment"], **seen
            )
        return Response(PasskeyChallengeSerializer(challenge).data)


class BreakGlassOptionsView(ApiView):
    """POST: the challenge of the caller's passkey for a request for break-glass. Nothing is stored."""

    @accepts(body=BreakGlassOptionsSerializer, responses=PasskeyChallengeSerializer)
    def post(self, request: Request, name: str, version: int) -> Response:
        """Return the challenge of the caller's passkey for a request for break-glass.

        Raises NotFound, Denied, InvalidState (no policy allows it, no passkey).
        """
        actor = actor_of(request)
        challenge = break_glass_challenge(actor=actor, version=get_version(actor, name, version), **self.body)
        return Response(PasskeyChallengeSerializer(challenge).data)
