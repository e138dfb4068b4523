"""Reads the permissions, transition requests and comments of the registry of a Databricks workspace."""

from __future__ import annotations

from collections.abc import Iterator

from importing.sources.governance import OldGrant, OldNote
from importing.sources.http import Server, ServerError
from importing.sources.rest_rows import Json, integer_of, text_of

_API = "/api/2.0/mlflow"
_ABSENT = {400, 403, 404, 405, 501}  # the statuses of servers that do not have the call or refuse it
_PRINCIPALS = {"user_name": "user", "group_name": "group", "service_principal_name": "service"}


class Workspace:
    """The workspace calls of a server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def grants(self, name: str) -> list[OldGrant] | None:
        """Return the grants on a model, None where the server has no such calls or refuses them.

        Raises ServerError, SourceError.
        """
        answer = self._get(f"{_API}/databricks/registered-models/get", {"name": name})
        model = (answer or {}).get("registered_model_databricks") or {}
        model_id = text_of(model, "id")
        if not model_id:
            return None
        permissions = self._get(f"/api/2.0/permissions/registered-models/{model_id}", {})
        return None if permissions is None else list(_grants(permissions))

    def requests(self, name: str, version: int) -> list[OldNote] | None:
        """Return the open transition requests of a version, None where the server has no such calls or refuses them.

        Raises ServerError, SourceError.
        """
        answer = self._get(f"{_API}/transition-requests/list", {"name": name, "version": version})
        if answer is None:
            return None
        return [_note(item) for item in answer.get("requests", ())]

    def comments(self, name: str, version: int) -> list[OldNote] | None:
        """Return the comments on a version, the oldest first; None where the server has no such calls or refuses them.

        Raises ServerError, SourceError.
        """
        notes: list[OldNote] = []
        token = ""
        while True:
            query = {"name": name, "version": version, "page_token": token}
            answer = self._get(f"{_API}/comments/list", query)
            if answer is None:
                return None
            notes += [_note(item) for item in answer.get("comments", ())]
            token = str(answer.get("next_page_token") or "")
            if not token:
                return notes

    def _get(self, path: str, query: Json) -> Json | None:
        try:
            return self._server.get(path, query)
        except ServerError as error:
            if error.status in _ABSENT:
                return None
            raise


def _grants(answer: Json) -> Iterator[OldGrant]:
    for entry in answer.get("access_control_list", ()):
        field = next((key for key in _PRINCIPALS if entry.get(key)), "")
        for permission in entry.get("all_permissions", ()):
            if field and not permission.get("inherited"):
                yield OldGrant(_PRINCIPALS[field], text_of(entry, field), text_of(permission, "permission_level"))


def _note(item: Json) -> OldNote:
    return OldNote(
        author=text_of(item, "user_id"),
        text=text_of(item, "comment"),
        created_ms=integer_of(item, "creation_timestamp"),
        to_stage=text_of(item, "to_stage"),
    )
