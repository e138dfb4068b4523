"""Reads files of an `mlflow server` through its artifact proxy, or for other stores through the API of its pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from posixpath import basename
from typing import Any
from urllib.parse import quote, urlsplit

from importing.sources.base import FilesUnreachable, Owner, SourceFile
from importing.sources.http import Server, ServerError
from importing.sources.rest import API

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
_DEEPEST = 50


class RestFiles:
    """Lists the folders one after another. A file is opened when it is imported."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def of(self, owner: Owner) -> Iterator[SourceFile]:
        """Yield the files of an owner. Raises FilesUnreachable, SourceError."""
        parts = urlsplit(owner.uri)
        proxied = parts.scheme == "mlflow-artifacts"
        routes = _ProxyRoutes(parts.path.strip("/")) if proxied else _PageRoutes(owner)
        try:
            yield from self._below(routes, "", 0)
        except ServerError as error:
            raise FilesUnreachable(f"the server refuses to send {owner.uri} ({error})") from error

    def _below(self, routes: _ProxyRoutes | _PageRoutes, folder: str, depth: int) -> Iterator[SourceFile]:
        if depth > _DEEPEST:
            raise FilesUnreachable(f"the folder {folder[:100]} is nested too deeply")
        for item in self._listed(routes, folder):
            # Some stores return names, others return whole paths.
            path = "/".join(filter(None, [folder, basename(str(item.get("path", "")).rstrip("/"))]))
            if item.get("is_dir"):
                yield from self._below(routes, path, depth + 1)
            else:
                yield SourceFile(path, partial(self._server.open, *routes.file(path)))

    def _listed(self, routes: _ProxyRoutes | _PageRoutes, folder: str) -> Iterator[Mapping[str, Any]]:
        token = ""
        while True:
            path, query = routes.folder(folder)
            answer = self._server.get(path, {**query, "page_token": token})
            yield from answer.get("files", ())
            token = str(answer.get("next_page_token") or "")
            if not token:
                return


class _ProxyRoutes:
    """The routes of the artifact proxy."""

    def __init__(self, key: str) -> None:
        self._key = key

    def folder(self, path: str) -> tuple[str, dict[str, str]]:
        """Return path and query that list a folder."""
        return PROXY, {"path": "/".join(filter(None, [self._key, path]))}

    def file(self, path: str) -> tuple[str, dict[str, str]]:
        """Return path and query that download a file."""
        return f"{PROXY}/{quote(f'{self._key}/{path}')}", {}


class _PageRoutes:
    """The routes of MLflow's pages, for which the server reads the store of the run or logged model."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    def folder(self, path: str) -> tuple[str, dict[str, str]]:
        """Return path and query that list a folder."""
        if self._owner.kind == "run":
            return f"{API}/artifacts/list", {"run_id": self._owner.id, "path": path}
        return f"{API}/logged-models/{quote(self._owner.id)}/artifacts/directories", {"artifact_directory_path": path}

    def file(self, path: str) -> tuple[str, dict[str, str]]:
        """Return path and query that download a file."""
        if self._owner.kind == "run":
            return "/get-artifact", {"run_id": self._owner.id, "path": path}
        return f"/ajax-api/2.0/mlflow/logged-models/{quote(self._owner.id)}/artifacts/files", {
            "artifact_file_path": path
        }
