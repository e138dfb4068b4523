"""/api/v1/lineage/croissant: dataset versions from Croissant documents, and the documents of versions."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.actors import actor_of
from core.rest import ApiView, SerializerClass, accepts
from lineage.croissant.registration import document_of, register_document
from lineage.json_bodies import JsonBody, read_json


class DocumentQuery(serializers.Serializer[Any]):
    """Query parameters of the document of a version; dataset_version is a URN (`dataset-version:orders/v2.1`)."""

    dataset_version = serializers.CharField(max_length=700, trim_whitespace=False)


class CroissantView(ApiView):
    """POST: register a dataset version from its Croissant document. GET: the document of a version."""

    parser_classes = [JsonBody]

    def read_body(self, serializer: SerializerClass | None, data: Any) -> dict[str, Any]:  # noqa: ARG002 - as in ApiView
        """Return nothing: a document has keys of its own, which `post` reads."""
        return {}

    @accepts(responses={201: OpenApiTypes.OBJECT, 200: OpenApiTypes.OBJECT}, request=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Register the version that a Croissant document describes, and return its URN, digest and files.

        The answer is 201, and 200 where the same document was registered before. Raises InvalidInput: no JSON, not one
        dataset with a name, or neither a version nor a sha256 for each file. Raises NotFound: a dataset that the caller
        may not see.
        """
        registration = register_document(actor=actor_of(request), data=read_json(request))
        document = registration.document
        body = {
            "dataset_version": registration.node.urn,
            "digest": f"sha256:{document.digest}" if document.digest else "",
            "files": [
                {"name": file.name, "sha256": file.sha256, "size": file.size, "url": file.url}
                for file in document.files
            ],
            "warnings": list(document.warnings),
        }
        return Response(body, status=201 if registration.is_new else 200)

    @accepts(query=DocumentQuery, responses={(200, "application/ld+json"): OpenApiTypes.OBJECT})
    def get(self, request: Request) -> HttpResponse:
        """Return the newest Croissant document of a dataset version, as it was registered. Raises NotFound."""
        body = document_of(actor_of(request), self.query["dataset_version"])
        return HttpResponse(body, content_type="application/ld+json")
