"""/api/v1: model cards in every format, their differences and imports, and conformity packs.

They are here and not in registry/, because an export states the approvals of the version, which registry/ cannot read.
"""

from __future__ import annotations

from http import HTTPStatus

from django.http import FileResponse, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.packs.dossier import pack_page_of, start_dossier
from approvals.packs.exports import export_card
from audit.api import IgnoreAccept
from audit.serializers import export_json
from core.actors import Scope
from core.errors import NotFound
from core.rest import ApiView, accepts, listed
from registry.api.card_serializers import (
    CardEditSerializer,
    CardImportedSerializer,
    CardImportSerializer,
    CardQuery,
    CardSerializer,
    DiffQuery,
    DiffSerializer,
    PackSerializer,
)
from registry.api.views import actor_of, many
from registry.cards.diff import diff_bodies
from registry.cards.imports import read_card
from registry.models import CardRevision, FrozenPack, ModelVersion
from registry.queries import current_card, get_card, get_pack, get_version, packs_of
from registry.risk import tiers_of
from registry.services.cards import edit_card, import_card
from tracking.store import current_store

_CARD_OR_EXPORT = {
    "anyOf": [{"$ref": "#/components/schemas/Card"}, {"type": "object", "additionalProperties": {}}],
    "description": "The card; with `format`, a document of that format.",
}


class CardView(ApiView):
    """GET: a revision of the card, the newest by default, or an export of it.

    PATCH, PUT: replace some human fields.
    """

    # Here `format` is a format of the card. DRF would look for a renderer of that name.
    content_negotiation_class = IgnoreAccept

    @accepts(
        query=CardQuery,
        responses={
            (200, "application/json"): _CARD_OR_EXPORT,
            (200, "application/vnd.cyclonedx+json"): OpenApiTypes.OBJECT,
            (200, "text/markdown"): OpenApiTypes.STR,
            (200, "text/html"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request, name: str, version: int) -> Response | HttpResponse:
        """Return a revision of the card, the newest by default; with `format`, an export of it as a download.

        Raises NotFound, InvalidInput.
        """
        query = self.query
        version_row = get_version(actor_of(request), name, version)
        card = get_card(version_row, query.get("revision"))
        if "format" not in query:
            return Response(_card_json(version_row, card))
        export = export_card(version_row, card, query["format"])
        answer = HttpResponse(export.data, content_type=export.content_type)
        answer["Content-Disposition"] = f'attachment; filename="{export.filename}"'
        answer["X-Content-Type-Options"] = "nosniff"
        return answer

    @accepts(body=CardEditSerializer, responses=CardSerializer)
    def patch(self, request: Request, name: str, version: int) -> Response:
        """Replace some human fields of the card and return the revision.

        Raises NotFound, Denied, InvalidInput (the field or its value), Conflict (there is a newer revision).
        """
        edit = self.body
        actor = actor_of(request)
        version_row = get_version(actor, name, version)
        return Response(_card_json(version_row, edit_card(actor=actor, version=version_row, **edit)))

    @accepts(body=CardEditSerializer, responses=CardSerializer)
    def put(self, request: Request, name: str, version: int) -> Response:
        """Replace some human fields of the card, exactly as PATCH does. Fields that are not in the body stay.

        Raises NotFound, Denied, InvalidInput (the field or its value), Conflict (there is a newer revision).
        """
        return self.patch(request, name, version)


class CardImportView(ApiView):
    """POST: import a card of another format into a new revision."""

    @accepts(body=CardImportSerializer, responses=CardImportedSerializer)
    def post(self, request: Request, name: str, version: int) -> Response:
        """Write a new revision with the fields of a card in another format.

        Return the revision, the names of the imported fields, and the names that this server does not know.
        Raises NotFound, Denied, InvalidInput, TooLarge, Conflict (there is a newer revision).
        """
        sent = self.body
        actor = actor_of(request)
        version_row = get_version(actor, name, version)
        data = sent["content"].encode("utf-8", "replace")
        imported = read_card(sent["format"], data, body=current_card(version_row).body)
        card = import_card(
            actor=actor,
            version=version_row,
            fields=imported.fields,
            expected_number=sent["expected_number"],
            origin=imported.origin,
        )
        answer = {
            "card": _card_json(version_row, card),
            "origin": imported.origin,
            "imported": sorted(imported.fields),
            "unknown": imported.unknown,
        }
        return Response(answer)


class CardDiffView(ApiView):
    """GET: what differs from an earlier revision (the one before, by default), or from another version's card."""

    @accepts(query=DiffQuery, responses=DiffSerializer)
    def get(self, request: Request, name: str, version: int) -> Response:
        """Return the differences from the revision before, from `from_revision`, or from the card of `from_version`.

        Raises NotFound.
        """
        query = self.query
        actor = actor_of(request)
        version_row = get_version(actor, name, version)
        after = get_card(version_row, query.get("revision"))
        if "from_version" in query:
            other = get_version(actor, name, query["from_version"])
            before = get_card(other, query.get("from_revision"))
        else:
            other = version_row
            before = get_card(version_row, query.get("from_revision", max(after.number - 1, 1)))
        changes = diff_bodies(before.body, after.body)
        answer = {"before": _label(other, before), "after": _label(version_row, after), "changes": changes}
        return Response(DiffSerializer(answer).data)


class PacksView(ApiView):
    """GET: the conformity packs of a version, newest first."""

    @accepts(responses=listed("packs", PackSerializer, paged=False))
    def get(self, request: Request, name: str, version: int) -> Response:
        """List the conformity packs of a version, newest first. Raises NotFound."""
        version_row = get_version(actor_of(request), name, version)
        return Response({"packs": many(PackSerializer, packs_of(version_row))})


class PackView(ApiView):
    """GET: one conformity pack, as the zip it was frozen as."""

    content_negotiation_class = IgnoreAccept

    @accepts(responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY, description="The pack.")})
    def get(self, request: Request, name: str, version: int, number: int) -> FileResponse:
        """Return one conformity pack as a zip file. Raises NotFound."""
        version_row = get_version(actor_of(request), name, version)
        pack = get_pack(version_row, number)
        return pack_response(pack)


class PackPageView(ApiView):
    """GET: the first page of a conformity pack, as it was frozen."""

    content_negotiation_class = IgnoreAccept

    @accepts(responses={(200, "text/html"): OpenApiTypes.STR})
    def get(self, request: Request, name: str, version: int, number: int) -> HttpResponse:
        """Return the first page of the pack. Raises NotFound."""
        return pack_page_response(get_pack(get_version(actor_of(request), name, version), number))


class DossierView(ApiView):
    """POST: start the dossier of a promotion: a signed export with the pack and proofs of the version's events."""

    required_scopes = {"POST": Scope.AUDIT_EXPORT}

    @accepts(responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, name: str, version: int, number: int) -> Response:
        """Start an export, which a worker makes, and return its job (202). Raises NotFound."""
        actor = actor_of(request)
        job = start_dossier(actor=actor, pack=get_pack(get_version(actor, name, version), number))
        return Response(export_json(job), status=HTTPStatus.ACCEPTED)


def pack_page_response(pack: FrozenPack) -> HttpResponse:
    """Return the first page of a pack. It runs no script and loads nothing. Raises NotFound."""
    answer = HttpResponse(pack_page_of(pack), content_type="text/html; charset=utf-8")
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def pack_response(pack: FrozenPack) -> FileResponse:
    """Return a pack as a download. Raises NotFound where the store has lost its bytes."""
    try:
        file = current_store().open(pack.digest)
    except FileNotFoundError as error:
        raise NotFound(f"The bytes of the conformity pack {pack} are missing from the store.") from error
    name = f"conformity-v{pack.order.version.version}-{pack.order.number}-{pack.digest[:12]}.zip"
    answer = FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
    answer["ETag"] = f'"{pack.digest}"'
    return answer


def _card_json(version: ModelVersion, card: CardRevision) -> object:
    tier = tiers_of([version.model_id]).get(version.model_id, "")
    return CardSerializer(card, context={"tier": tier}).data


def _label(version: ModelVersion, card: CardRevision) -> str:
    return f"v{version.version} revision {card.number}"
