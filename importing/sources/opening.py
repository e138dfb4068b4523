"""Opens the source and the files of an import from its command-line arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from importing.sources.base import Files, Source, SourceError
from importing.sources.database import DatabaseSource
from importing.sources.http import Server
from importing.sources.local_files import LocalFiles
from importing.sources.rest import RestSource
from importing.sources.rest_files import RestFiles
from importing.sources.sql import connect
from importing.sources.tables import DEFAULT_WORKSPACE


def open_source(
    address: str, *, workspace: str, folders: Sequence[Path], environment: Mapping[str, str]
) -> tuple[Source, Files]:
    """Return the source at an address (``http://…``, ``sqlite:///…``, ``postgresql://…``) and its files.

    Files are read from ``folders`` where any are given, else from the server. Without folders, the files of a database
    cannot be read. Raises SourceError.
    """
    if address.startswith(("http://", "https://")):
        if workspace != DEFAULT_WORKSPACE:
            raise SourceError("A workspace other than the default one can only be imported from the database.")
        server = Server(address, environment)
        return RestSource(server), LocalFiles(folders) if folders else RestFiles(server)
    return DatabaseSource(connect(address), workspace), LocalFiles(folders)
