"""/api/v1: model cards in every format, their differences and imports, and conformity packs.

Here and not in registry/, because exports declare the approvals that only this layer knows.
"""

from __future__ import annotations

from django.http import FileResponse, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.packs.exports import export_card
from audit.api import IgnoreAccept
from core.errors import NotFound
from registry.api import actor_of, checked, many
from registry.card_serializers import (
    CardEditSerializer,
    CardImportedSerializer,
    CardImportSerializer,
    CardQuery,
    CardSerializer,
    DiffQuery,
    DiffSerializer,
    PackSerializer,
)
from registry.cards.diff import diff_bodies
from registry.cards.imports import read_card
from registry.models import CardRevision, FrozenPack, ModelVersion
from registry.queries import current_card, get_card, get_pack, get_version, packs_of
from registry.risk import tiers_of
from registry.services.cards import edit_card, import_card
from tracking.store import current_store


class CardView(APIView):
    """GET: a revision of the card, the newest unless told, or an export of it. PATCH, PUT: replace some human fields."""

    # `format` names a format of the card here; DRF would look for a renderer of that name
    content_negotiation_class = IgnoreAccept

    @extend_schema(
        parameters=[CardQuery],
        responses={(200, "application/json"): CardSerializer, (200, "text/html"): OpenApiTypes.STR},
    )
    def get(self, request: Request, name: str, version: int) -> Response | HttpResponse:
        """Return a revision of the card, the newest by default; with `format`, an export of it as a download.

        Raises NotFound, InvalidInput.
        """
        wanted = checked(CardQuery, request.query_params)
        found = get_version(actor_of(request), name, version)
        card = get_card(found, wanted.get("revision"))
        if "format" not in wanted:
            return Response(_shown(found, card))
        made = export_card(found, card, wanted["format"])
        answer = HttpResponse(made.data, content_type=made.content_type)
        answer["Content-Disposition"] = f'attachment; filename="{made.filename}"'
        answer["X-Content-Type-Options"] = "nosniff"
        return answer

    @extend_schema(request=CardEditSerializer, responses=CardSerializer)
    def patch(self, request: Request, name: str, version: int) -> Response:
        """Replace some human fields of the card and return the revision.

        Raises NotFound, Denied, InvalidInput (the field or its value), Conflict (there is a newer revision).
        """
        edit = checked(CardEditSerializer, request.data)
        actor = actor_of(request)
        found = get_version(actor, name, version)
        return Response(_shown(found, edit_card(actor=actor, version=found, **edit)))

    @extend_schema(request=CardEditSerializer, responses=CardSerializer)
    def put(self, request: Request, name: str, version: int) -> Response:
        """Do the same as PATCH; fields that are not named stay."""
        return self.patch(request, name, version)


class CardImportView(APIView):
    """POST: import a card of another format into a new revision."""

    @extend_schema(request=CardImportSerializer, responses=CardImportedSerializer)
    def post(self, request: Request, name: str, version: int) -> Response:
        """Write a new revision with the fields of a card in another format. Return it, and which names were unknown.

        Raises NotFound, Denied, InvalidInput, TooLarge, Conflict (there is a newer revision).
        """
        sent = checked(CardImportSerializer, request.data)
        actor = actor_of(request)
        found = get_version(actor, name, version)
        data = sent["content"].encode("utf-8", "replace")
        imported = read_card(sent["format"], data, body=current_card(found).body)
        card = import_card(
            actor=actor,
            version=found,
            fields=imported.fields,
            expected_number=sent["expected_number"],
            origin=imported.origin,
        )
        answer = {
            "card": _shown(found, card),
            "origin": imported.origin,
            "imported": sorted(imported.fields),
            "unknown": imported.unknown,
        }
        return Response(answer)


class CardDiffView(APIView):
    """GET: what differs from an earlier revision (the one before, unless told), or from another version's card."""

    @extend_schema(parameters=[DiffQuery], responses=DiffSerializer)
    def get(self, request: Request, name: str, version: int) -> Response:
        """Return what differs from the revision before, from `from_revision`, or from the card of `from_version`.

        Raises NotFound.
        """
        wanted = checked(DiffQuery, request.query_params)
        actor = actor_of(request)
        found = get_version(actor, name, version)
        after = get_card(found, wanted.get("revision"))
        if "from_version" in wanted:
            other = get_version(actor, name, wanted["from_version"])
            before = get_card(other, wanted.get("from_revision"))
        else:
            other = found
            before = get_card(found, wanted.get("from_revision", max(after.number - 1, 1)))
        changes = diff_bodies(before.body, after.body)
        answer = {"before": _label(other, before), "after": _label(found, after), "changes": changes}
        return Response(DiffSerializer(answer).data)


class PacksView(APIView):
    """GET: the conformity packs of a version, newest first."""

    @extend_schema(responses=PackSerializer(many=True))
    def get(self, request: Request, name: str, version: int) -> Response:
        """List the conformity packs of a version, newest first. Raises NotFound."""
        found = get_version(actor_of(request), name, version)
        return Response({"packs": many(PackSerializer, packs_of(found))})


class PackView(APIView):
    """GET: one conformity pack, as the zip it was frozen as."""

    content_negotiation_class = IgnoreAccept

    @extend_schema(responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY, description="The pack.")})
    def get(self, request: Request, name: str, version: int, number: int) -> FileResponse:
        """Return one conformity pack as a zip file. Raises NotFound."""
        found = get_version(actor_of(request), name, version)
        pack = get_pack(found, number)
        return pack_response(pack)


def pack_response(pack: FrozenPack) -> FileResponse:
    """Return a pack as a download; NotFound where the store has lost its bytes."""
    try:
        file = current_store().open(pack.digest)
    except FileNotFoundError as error:
        raise NotFound(f"The bytes of the conformity pack {pack} are missing from the store.") from error
    name = f"conformity-v{pack.order.version.version}-{pack.order.number}-{pack.digest[:12]}.zip"
    answer = FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
    answer["ETag"] = f'"{pack.digest}"'
    return answer


def _shown(version: ModelVersion, card: CardRevision) -> object:
    tier = tiers_of([version.model_id]).get(version.model_id, "")
    return CardSerializer(card, context={"tier": tier}).data


def _label(version: ModelVersion, card: CardRevision) -> str:
    return f"v{version.version} revision {card.number}"
