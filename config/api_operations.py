"""Names of the operations of /api/v1 in the OpenAPI document (DEFAULT_SCHEMA_CLASS)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema

from core.rest import Listing


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
