"""Names of the operations of /api/v1 in the OpenAPI document (DEFAULT_SCHEMA_CLASS)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema

from core.rest import Listing

_PREFIX = "/api/v1/"


class Schema(AutoSchema):
    """The description of one method of a view."""

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Return whether the method answers with a list, so that its operation is called a list.

        The base class takes the first response it finds, and an error's media type stands in front of the status 200.
        """
        answers: Any = self.get_response_serializers() if serializer is None else serializer
        if isinstance(answers, dict):
            answers = {status: answer for status, answer in answers.items() if not isinstance(status, tuple)}
            if any(isinstance(answer, type) and issubclass(answer, Listing) for answer in answers.values()):
                return True
        if isinstance(answers, Listing):
            return True
        return bool(super()._is_list_view(answers))

    def get_operation_id(self) -> str:
        """Return the name of the operation. An address with a slash at its end is another operation."""
        name = str(super().get_operation_id())
        return f"{name}_with_slash" if self.path.endswith("/") else name

    def get_tags(self) -> list[str]:
        """Return the heading below which the operation stands: the first part of its address."""
        return [self.path.removeprefix(_PREFIX).partition("/")[0]]

    def get_summary(self) -> str | None:
        """Return the first sentence of the method's docstring: what the operation does."""
        return str(super().get_summary() or "") or self._sentences()[0] or None

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular's own has no arguments either
        """Return the rest of the docstring, with the errors."""
        return self._sentences()[1]

    def _sentences(self) -> tuple[str, str]:
        """Return the first sentence of the description, without its full stop, and the rest."""
        first, _, errors = " ".join(str(super().get_description() or "").split()).partition(". ")
        return first.rstrip("."), errors
