"""Files of an `mlflow server`: through its artifact proxy, or, where it keeps them elsewhere, as its own pages show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from posixpath import basename
from typing import Any
from urllib.parse import quote, urlsplit

from importing.sources.base import OldFile, Owner, Unreachable
from importing.sources.http import Refused, Server
from importing.sources.rest import API

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
_DEEPEST = 50


class RestFiles:
    """Lists folder by folder and opens each file as it is wanted."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def of(self, owner: Owner) -> Iterator[OldFile]:
        parts = urlsplit(owner.uri)
        proxied = parts.scheme == "mlflow-artifacts"
        door = _Proxy(parts.path.strip("/")) if proxied else _Pages(owner)
        try:
            yield from self._below(door, "", 0)
        except Refused as error:
            raise Unreachable(f"the old server does not hand out {owner.uri} ({error})") from error

    def _below(self, door: _Proxy | _Pages, folder: str, depth: int) -> Iterator[OldFile]:
        if depth > _DEEPEST:
            raise Unreachable(f"the folder {folder[:100]} has too many folders in it")
        for item in self._listed(door, folder):
            # some stores answer with names, others with whole paths
            path = "/".join(filter(None, [folder, basename(str(item.get("path", "")).rstrip("/"))]))
            if item.get("is_dir"):
                yield from self._below(door, path, depth + 1)
            else:
                yield OldFile(path, partial(self._server.open, *door.file(path)))

    def _listed(self, door: _Proxy | _Pages, folder: str) -> Iterator[Mapping[str, Any]]:
        token = ""
        while True:
            path, query = door.folder(folder)
            answer = self._server.get(path, {**query, "page_token": token})
            yield from answer.get("files", ())
            token = str(answer.get("next_page_token") or "")
            if not token:
                return


class _Proxy:
    """The artifact proxy."""

    def __init__(self, key: str) -> None:
        self._key = key

    def folder(self, path: str) -> tuple[str, dict[str, str]]:
        return PROXY, {"path": "/".join(filter(None, [self._key, path]))}

    def file(self, path: str) -> tuple[str, dict[str, str]]:
        return f"{PROXY}/{quote(f'{self._key}/{path}')}", {}


class _Pages:
    """What MLflow's pages read: the server fetches the file from wherever the run or model has it."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    def folder(self, path: str) -> tuple[str, dict[str, str]]:
        if self._owner.kind == "run":
            return f"{API}/artifacts/list", {"run_id": self._owner.id, "path": path}
        return f"{API}/logged-models/{quote(self._owner.id)}/artifacts/directories", {"artifact_directory_path": path}

    def file(self, path: str) -> tuple[str, dict[str, str]]:
        if self._owner.kind == "run":
            return "/get-artifact", {"run_id": self._owner.id, "path": path}
        return f"/ajax-api/2.0/mlflow/logged-models/{quote(self._owner.id)}/artifacts/files", {
            "artifact_file_path": path
        }
