"""Policies in YAML (RFC 9512) at /api/v1: request bodies, and responses to `?format=yaml` or an Accept header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer

from core.errors import TooLarge
from policies.documents import MAX_BYTES
from policies.yaml_text import write_policy


@dataclass(frozen=True, slots=True)
class YamlText:
    """The text of a YAML request body, not parsed yet."""

    text: str


class YAMLParser(BaseParser):
    """Parser of bodies of type application/yaml. It only decodes the text."""

    media_type = "application/yaml"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:  # noqa: ARG002 - DRF's signature
        """Return a YamlText. Raises TooLarge (413), ParseError (400) for a body that is not UTF-8."""
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise TooLarge(f"A policy is at most {MAX_BYTES // 1024} KiB.")
        try:
            return YamlText(body.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ParseError("The request body is not UTF-8.") from error


class XYAMLParser(YAMLParser):
    """Parser of bodies of type application/x-yaml, the name before RFC 9512."""

    media_type = "application/x-yaml"


class TextYAMLParser(YAMLParser):
    """Parser of bodies of type text/yaml."""

    media_type = "text/yaml"


class FormatParameter(DefaultContentNegotiation):
    """Chooses the renderer by `?format=`, else by the Accept header. The view refuses unknown formats."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        """Return the renderer and its media type."""
        requested_format = request.query_params.get("format", format_suffix)
        formats = {renderer.format for renderer in renderers}
        return super().select_renderer(request, renderers, requested_format if requested_format in formats else None)


class PolicyYAMLRenderer(BaseRenderer):
    """Renderer of the body of a policy as YAML. An error is sent as its problem document, in JSON."""

    media_type = "application/yaml"
    format = "yaml"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Return the bytes of the response."""
        response = (renderer_context or {}).get("response")
        if response is not None and response.status_code >= 400:  # noqa: PLR2004 - errors
            rendered: bytes = JSONRenderer().render(data, accepted_media_type, renderer_context)
            return rendered
        return write_policy(data["body"]).encode()
