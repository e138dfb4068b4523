"""/api/v1/tokens/exchange (RFC 8693), and /api/v1/accounts/{username}/trusted-publishers."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import TrustedPublisher
from accounts.workload.exchange import TooManyExchanges, exchange_token
from accounts.workload.identity_tokens import MAX_TOKEN, RefusedExchange
from accounts.workload.publishers import add_publisher, delete_publisher, find_managed_account, publishers_of
from accounts.workload.rules import DEFAULT_SCOPES
from core.actors import Scope, actor_of
from core.errors import InvalidInput
from core.rest import ApiView, SerializerClass, accepts, listed

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"  # noqa: S105 - a name, not a secret
ACCESS_TOKEN = f"{_TOKEN_TYPE}access_token"
_IDENTITY_TOKENS = {f"{_TOKEN_TYPE}jwt", f"{_TOKEN_TYPE}id_token"}
_SERVER_ERROR = 500
_BUSY = 503


class ExchangeSerializer(serializers.Serializer[Any]):
    """The parameters of an exchange, as a form or as JSON."""

    grant_type = serializers.CharField(help_text=GRANT_TYPE)
    subject_token = serializers.CharField(max_length=MAX_TOKEN, help_text="The identity token of the job.")
    subject_token_type = serializers.CharField(help_text=f"{_TOKEN_TYPE}jwt or {_TOKEN_TYPE}id_token")
    requested_token_type = serializers.CharField(default=ACCESS_TOKEN, help_text=ACCESS_TOKEN)
    audience = serializers.CharField(
        default="", max_length=150, help_text="The service account, where several trust the token."
    )
    scope = serializers.CharField(default="", max_length=500, help_text="Fewer scopes than the rule gives.")


class ExchangedSerializer(serializers.Serializer[Any]):
    """The issued token (RFC 8693, section 2.2.1)."""

    access_token = serializers.CharField()
    issued_token_type = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")
    scope = serializers.CharField()


class OAuthErrorSerializer(serializers.Serializer[Any]):
    """An error of OAuth (RFC 6749, section 5.2)."""

    error = serializers.CharField()
    error_description = serializers.CharField()


class TokenExchangeView(ApiView):
    """POST: exchange the identity token of a job for an API token. The identity token is the only credential."""

    authentication_classes = ()
    permission_classes = ()
    parser_classes = [*ApiView.parser_classes, FormParser]

    @accepts(
        body=ExchangeSerializer,
        responses={200: ExchangedSerializer, ("default", "application/json"): OAuthErrorSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Return an API token. Raises RefusedExchange, TooManyExchanges, Unavailable."""
        fields = self.body
        if fields["grant_type"] != GRANT_TYPE:
            raise RefusedExchange(f"The grant_type must be {GRANT_TYPE}.", code="unsupported_grant_type")
        if fields["subject_token_type"] not in _IDENTITY_TOKENS or fields["requested_token_type"] != ACCESS_TOKEN:
            raise RefusedExchange(
                f"The subject_token_type must be {_TOKEN_TYPE}jwt or {_TOKEN_TYPE}id_token,"
                f" the requested_token_type {ACCESS_TOKEN}."
            )
        token, secret = exchange_token(
            subject_token=fields["subject_token"],
            username=fields["audience"],
            scopes=fields["scope"].split(),
            address=request.META.get("REMOTE_ADDR", ""),
            request_id=getattr(request, "request_id", ""),
        )
        answer = {
            "access_token": secret,
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": int((token.expires_at - token.created_at).total_seconds()),
            "scope": " ".join(token.scopes),
        }
        return Response(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def read_body(self, serializer: SerializerClass | None, data: Any) -> dict[str, Any]:
        """Return the validated body. Raises InvalidInput for a parameter of a form that is given twice."""
        repeated = [name for name, values in data.lists() if len(values) > 1] if isinstance(data, QueryDict) else []
        if repeated:
            raise InvalidInput(f"The parameter {repeated[0][:100]} is given more than once.")
        return super().read_body(serializer, data)

    def handle_exception(self, exc: Exception) -> Response:
        """Return an error in the shape of OAuth."""
        if isinstance(exc, TooManyExchanges):
            return _oauth_error(429, exc.code, exc.message, {"Retry-After": "60"})
        if isinstance(exc, RefusedExchange):
            return _oauth_error(400, exc.code, exc.message)
        problem = super().handle_exception(exc)
        if problem.status_code >= _SERVER_ERROR:
            error = "temporarily_unavailable" if problem.status_code == _BUSY else "server_error"
        else:
            error = "invalid_request"
        headers = {name: value for name, value in problem.headers.items() if name in {"Allow", "Retry-After"}}
        return _oauth_error(problem.status_code, error, str(problem.data["detail"]), headers)


def _oauth_error(status: int, error: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return an error whose description has only the characters that RFC 6749 allows."""
    text = message.replace('"', "'").replace("\\", "/")
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    more = {"Cache-Control": "no-store", **(headers or {})}
    return Response({"error": error, "error_description": plain}, status=status, headers=more)


class NewPublisherSerializer(serializers.Serializer[Any]):
    """The body that adds a trusted publisher."""

    name = serializers.CharField(max_length=100)
    issuer = serializers.CharField(max_length=500)
    audience = serializers.CharField(max_length=200)
    claims = serializers.DictField(child=serializers.CharField(max_length=500))
    scopes = serializers.ListField(child=serializers.CharField(max_length=50), default=DEFAULT_SCOPES)
    single_use = serializers.BooleanField(default=True)


class PublisherSerializer(serializers.Serializer[Any]):
    """A trusted publisher."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    issuer = serializers.CharField()
    audience = serializers.CharField()
    claims = serializers.DictField(child=serializers.CharField())
    scopes = serializers.ListField(child=serializers.CharField())
    single_use = serializers.BooleanField()
    added_by = serializers.CharField()
    added_at = serializers.DateTimeField()


class PublishersView(ApiView):
    """GET: the trusted publishers of a service account. POST: add one, as the owner of the account."""

    required_scopes = {"POST": Scope.ACCOUNTS_MANAGE}

    @accepts(responses=listed("trusted_publishers", PublisherSerializer, paged=False))
    def get(self, request: Request, username: str) -> Response:
        """Return all trusted publishers. Raises NotFound."""
        account = find_managed_account(actor_of(request), username)
        return Response({"trusted_publishers": [_publisher(row) for row in publishers_of(account)]})

    @accepts(body=NewPublisherSerializer, responses={201: PublisherSerializer})
    def post(self, request: Request, username: str) -> Response:
        """Add a trusted publisher and return it (201). Raises NotFound, Denied, InvalidInput, AlreadyExists."""
        return Response(_publisher(add_publisher(actor=actor_of(request), username=username, **self.body)), status=201)


class PublisherView(ApiView):
    """DELETE: a trusted publisher. The tokens that its jobs got are revoked."""

    required_scopes = {"DELETE": Scope.ACCOUNTS_MANAGE}

    @accepts(responses={204: OpenApiTypes.NONE})
    def delete(self, request: Request, publisher_id: int) -> Response:
        """Delete a trusted publisher. Raises NotFound."""
        delete_publisher(actor=actor_of(request), publisher_id=publisher_id)
        return Response(status=204)


def _publisher(row: TrustedPublisher) -> dict[str, object]:
    names = ("name", "issuer", "audience", "claims", "scopes", "single_use", "added_at")
    return {"id": row.pk, "added_by": row.added_by.username, **{name: getattr(row, name) for name in names}}
