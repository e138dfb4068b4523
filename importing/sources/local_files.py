"""Reads files in the folders that the operator names, and no file outside of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from importing.sources.base import FilesUnreachable, Owner, SourceError, SourceFile


class LocalFiles:
    """Finds the folder of a run or logged model in one of ``folders``. Raises SourceError for a missing folder.

    An ``mlflow-artifacts:`` URI is a path below the artifact destination of the server. A ``file:`` URI or a plain path
    is the folder itself. Where that folder does not exist, the end of the URI (``1/<run>/artifacts``) is looked up in
    each of ``folders``, which can be copies of the tree or of a bucket.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        if missing := [folder for folder in folders if not folder.is_dir()]:
            raise SourceError(f"{missing[0]} is not a directory.")
        self._folders = [folder.resolve() for folder in folders]

    def of(self, owner: Owner) -> Iterator[SourceFile]:
        """Yield the files of an owner. Raises FilesUnreachable."""
        if not self._folders:
            raise FilesUnreachable(
                f"its files are at {_shortened(owner.uri)}: name a folder that has them with --artifacts-from"
            )
        for candidate in self._candidates(owner):
            if candidate.is_dir() and self._is_allowed(candidate):
                return _walk(candidate)
        return iter(())  # MLflow creates the folder with the first file, so there are no files

    def _candidates(self, owner: Owner) -> Iterator[Path]:
        parts = urlsplit(owner.uri)
        path = unquote(parts.path)
        if parts.scheme in {"", "file"}:
            yield Path(path)
        if parts.scheme == "mlflow-artifacts":
            yield from (folder / path.strip("/") for folder in self._folders)
        depth = 3 if owner.kind == "run" else 4  # <experiment>/<run>/artifacts, <experiment>/models/<model>/artifacts
        end = [segment for segment in path.split("/") if segment][-depth:]
        if end and ".." not in end:
            yield from (folder.joinpath(*end) for folder in self._folders)

    def _is_allowed(self, candidate: Path) -> bool:
        real = candidate.resolve()
        return any(real == folder or folder in real.parents for folder in self._folders)


def _walk(root: Path) -> Iterator[SourceFile]:
    """Yield the files below a folder.

    Symbolic links are not followed, because they may lead out of the folder. Opening a symbolic link fails.
    """
    for folder, _folders, names in os.walk(root, followlinks=False, onerror=_fail):
        for name in sorted(names):
            path = Path(folder) / name
            yield SourceFile(path.relative_to(root).as_posix(), partial(_open, path))


def _open(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _fail(error: OSError) -> None:
    raise FilesUnreachable(f"a folder cannot be read: {error.strerror}") from error


def _shortened(uri: str) -> str:
    scheme = urlsplit(uri).scheme
    return f"{scheme}:…" if scheme else "a path of the old server"
