"""The artifact store that the settings name."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from tracking.store.base import CHUNK, MAX_PARTS, MIN_PART, Blob, ByteSource, ByteStore, DirectStore, Progress, Staged
from tracking.store.files import FileStore
from tracking.store.s3 import S3Store, store_of_bucket

__all__ = [
    "CHUNK",
    "MAX_PARTS",
    "MIN_PART",
    "Blob",
    "ByteSource",
    "ByteStore",
    "DirectStore",
    "FileStore",
    "Progress",
    "S3Store",
    "Staged",
    "current_store",
    "direct_store",
    "store_for",
]


def store_for(url: str) -> ByteStore:
    """Return the store of an ``ARTIFACT_URL``; raise ImproperlyConfigured for a kind that Custody does not have."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return store_of_bucket(url, client_url=settings.S3_CLIENT_URL)
    if parts.scheme != "file":
        raise ImproperlyConfigured(
            f"ARTIFACT_URL={url!r}: only file:///directory and s3://bucket/prefix are supported, not {parts.scheme!r}."
        )
    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise ImproperlyConfigured(f"ARTIFACT_URL={url!r}: give an absolute directory, as in file:///srv/artifacts.")
    return FileStore(Path(unquote(parts.path)))


def current_store() -> ByteStore:
    """Return the store the settings name. Making it costs nothing: connections are kept elsewhere."""
    return store_for(settings.ARTIFACT_URL)


def direct_store() -> DirectStore | None:
    """Return the store if clients may reach it themselves, else None."""
    store = current_store()
    return store if settings.DIRECT_TRANSFERS and isinstance(store, S3Store) else None
