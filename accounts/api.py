"""/api/v1/accounts: superusers confirm accounts whose approvals would otherwise not count."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.changes import CONFIRMATIONS, MAX_REASON, confirm_account
from core.actors import actor_of
from core.rest import ApiView, accepts


class Confirmation(serializers.Serializer[object]):
    """The body that confirms an account: the reason."""

    reason = serializers.CharField(max_length=MAX_REASON)


class ConfirmationsView(ApiView):
    """POST: confirm an account. Its approvals count after the confirmations of two superusers."""

    @accepts(body=Confirmation, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, username: str) -> Response:
        """Confirm an account and return the confirmation (201). Raises NotFound, InvalidInput, Denied."""
        row = confirm_account(actor=actor_of(request), username=username, reason=self.body["reason"])
        confirmation = {
            "username": username,
            "confirmed_by": row.confirmed_by.username,
            "confirmed_at": row.confirmed_at,
            "reason": row.reason,
            "needed": CONFIRMATIONS,
        }
        return Response(confirmation, status=201)
