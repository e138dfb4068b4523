"""/api/v1: the inventory of models with its export, attestations and retirements."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.models import MAX_COMMENT, Retirement
from approvals.packs.retirements import (
    ask_to_retire,
    decide_retirement,
    last_retirement,
    obstacles_to_retire,
    withdraw_retirement,
)
from core.errors import NotFound
from core.rest import ApiView, PageQuery, accepts, listed, page
from registry.api.views import actor_of, many
from registry.inventory import EXPORTED, STATES, as_csv, inventory_models, inventory_rows
from registry.queries import get_model
from registry.services.inventory import MAX_TEXT, attest_model, describe_model
from tracking.store import current_store


class InventoryListSerializer(PageQuery):
    """Query parameters of the inventory."""

    q = serializers.CharField(required=False, allow_blank=True, max_length=256, help_text="Part of name or purpose.")
    owner = serializers.CharField(required=False, max_length=150)
    state = serializers.ChoiceField(choices=[*STATES, "overdue"], required=False)


class ExportSerializer(InventoryListSerializer):
    """Query parameters of an export of the inventory."""

    form = serializers.ChoiceField(choices=["csv", "json"], default="csv")


class InventoryRowSerializer(serializers.Serializer[Any]):
    """A model in the inventory."""

    model = serializers.CharField()
    owner = serializers.CharField()
    purpose = serializers.CharField()
    tier = serializers.CharField()
    state = serializers.CharField()
    production_version = serializers.IntegerField(allow_null=True)
    deployments = serializers.IntegerField(help_text="Number of live deployments.")
    created_by = serializers.CharField()
    attested_at = serializers.DateTimeField(allow_null=True)
    next_attestation = serializers.DateTimeField(allow_null=True)
    overdue = serializers.BooleanField()
    retired_at = serializers.DateTimeField(allow_null=True)


class DescribeSerializer(serializers.Serializer[Any]):
    """Body of a change of the owner and purpose of a model."""

    owner = serializers.CharField(max_length=150, allow_blank=True)
    purpose = serializers.CharField(max_length=MAX_TEXT, allow_blank=True)


class AttestModelSerializer(serializers.Serializer[Any]):
    """Body of an attestation by the owner of a model."""

    in_use = serializers.BooleanField()
    still_fit = serializers.BooleanField()
    documentation_true = serializers.BooleanField()
    comment = serializers.CharField(default="", allow_blank=True, max_length=MAX_TEXT)


class RetireSerializer(serializers.Serializer[Any]):
    """Body of a request to retire a model: the reason."""

    reason = serializers.CharField(max_length=MAX_COMMENT)


class DecideRetirementSerializer(serializers.Serializer[Any]):
    """Body of the second person's decision on a request to retire a model."""

    approve = serializers.BooleanField()
    comment = serializers.CharField(max_length=MAX_COMMENT)


class WithdrawRetirementSerializer(serializers.Serializer[Any]):
    """Body of a withdrawal of a request to retire a model."""

    comment = serializers.CharField(default="", allow_blank=True, max_length=MAX_COMMENT)


class RetirementSerializer(serializers.Serializer[Retirement]):
    """A request to retire a model."""

    model = serializers.CharField(source="model.name")
    state = serializers.CharField()
    requester = serializers.CharField(source="requester.username")
    reason = serializers.CharField()
    opened_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True, source="decided_by.username", default=None)
    comment = serializers.CharField()
    closed_at = serializers.DateTimeField(allow_null=True)
    evidence_digest = serializers.CharField()


class RetirementStateSerializer(RetirementSerializer):
    """A request to retire a model, with the obstacles that prevent it now."""

    obstacles = serializers.ListField(child=serializers.CharField())


class InventoryView(ApiView):
    """GET: the models the caller may see, with owner, purpose, tier, state and next attestation."""

    @accepts(query=InventoryListSerializer, responses=listed("models", InventoryRowSerializer))
    def get(self, request: Request) -> Response:
        """Return one page of the inventory, by name."""
        rows, paging = page(_matching(request, self.query), self.query)
        return Response({"models": many(InventoryRowSerializer, inventory_rows(rows)), **paging})


class InventoryExportView(ApiView):
    """GET: the inventory as a CSV or JSON file."""

    @accepts(
        query=ExportSerializer,
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/json"): listed("models", InventoryRowSerializer, paged=False),
        },
    )
    def get(self, request: Request) -> HttpResponse:
        """Return up to 10,000 models as CSV or JSON."""
        rows = inventory_rows(_matching(request, self.query)[:EXPORTED])
        if self.query["form"] == "json":
            return Response({"models": many(InventoryRowSerializer, rows)})
        answer = HttpResponse(as_csv(rows), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="inventory.csv"'
        return answer


class ModelInventoryView(ApiView):
    """GET: a model's row. PUT: set its owner and purpose."""

    @accepts(responses=InventoryRowSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Return the row of a model. Raises NotFound."""
        return Response(_row(request, name))

    @accepts(body=DescribeSerializer, responses=InventoryRowSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Set owner and purpose of a model and return its row. Raises NotFound, Denied, InvalidInput."""
        describe_model(actor=actor_of(request), name=name, **self.body)
        return Response(_row(request, name))


class ModelAttestationsView(ApiView):
    """POST: attest a model. Only its owner who is signed in may; no token may."""

    @accepts(body=AttestModelSerializer, responses={201: InventoryRowSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Record an attestation of the owner and return the model's row (201).

        Raises NotFound, Denied, InvalidInput.
        """
        attest_model(actor=actor_of(request), name=name, **self.body)
        return Response(_row(request, name), status=status.HTTP_201_CREATED)


class RetirementView(ApiView):
    """GET: the last request to retire a model. POST: open one."""

    @accepts(responses=RetirementStateSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Return the last request to retire a model, with the obstacles that prevent it. Raises NotFound."""
        row = last_retirement(actor_of(request), name)
        return Response({**RetirementSerializer(row).data, "obstacles": obstacles_to_retire(row.model)})

    @accepts(body=RetireSerializer, responses={201: RetirementSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Open a request to retire a model (201). Raises NotFound, Denied, InvalidInput, InvalidState, Conflict."""
        retirement = ask_to_retire(actor=actor_of(request), name=name, **self.body)
        return Response(RetirementSerializer(retirement).data, status=status.HTTP_201_CREATED)


class RetirementDecisionView(ApiView):
    """POST: retire the model, or reject the request. Only a second person who manages the model may, signed in."""

    @accepts(body=DecideRetirementSerializer, responses=RetirementSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Decide on the open request and return it. Raises NotFound, Denied, InvalidInput, InvalidState."""
        decide_retirement(actor=actor_of(request), name=name, **self.body)
        return Response(RetirementSerializer(last_retirement(actor_of(request), name)).data)


class RetirementWithdrawalView(ApiView):
    """POST: withdraw the open request to retire a model."""

    @accepts(body=WithdrawRetirementSerializer, responses=RetirementSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Withdraw the open request and return it. Raises NotFound, Denied, InvalidInput."""
        withdraw_retirement(actor=actor_of(request), name=name, **self.body)
        return Response(RetirementSerializer(last_retirement(actor_of(request), name)).data)


class RetirementEvidenceView(ApiView):
    """GET: the evidence of a retired model, as a JSON file."""

    @accepts(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, name: str) -> HttpResponse:
        """Return the evidence. Raises NotFound (the model, it is not retired, or the store has lost the bytes)."""
        row = last_retirement(actor_of(request), name)
        if not row.evidence_digest:
            raise NotFound(f"{name} is not retired.")
        try:
            with current_store().open(row.evidence_digest) as stream:
                answer = HttpResponse(stream.read(), content_type="application/json")
        except FileNotFoundError as error:
            raise NotFound(f"The bytes of the retirement evidence of {name} are missing from the store.") from error
        answer["Content-Disposition"] = 'attachment; filename="retirement.json"'
        return answer


def _matching(request: Request, query: dict[str, Any]) -> Any:
    return inventory_models(
        actor_of(request), text=query.get("q", ""), owner=query.get("owner", ""), state=query.get("state", "")
    )


def _row(request: Request, name: str) -> Any:
    actor = actor_of(request)
    get_model(actor, name)
    [row] = inventory_rows(inventory_models(actor).filter(name=name))
    return InventoryRowSerializer(row).data
