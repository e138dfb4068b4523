"""The dataset that an OpenLineage namespace and name mean, and its version from the facets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from lineage.identity.names import READ_BY, WRITTEN_BY, version_key
from lineage.identity.nodes import Spec, dataset_spec

_SYNONYMS = {"postgresql": "postgres", "s3a": "s3", "s3n": "s3", "abfs": "abfss", "wasb": "wasbs"}
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/]*)(/.*)?")
_LONGEST_VERSION = 255


@lru_cache(maxsize=4096)
def clean_namespace(namespace: str) -> str:
    """Return a namespace without user, password and trailing slashes.

    Scheme and host are in lower case, and synonyms of a scheme become one. Azure's abfss and wasb have a container, no
    user, before the @: it stays. A text that is no address is only stripped.
    """
    parts = _ADDRESS.fullmatch(namespace.strip())
    if parts is None:
        return namespace.strip()
    scheme, host, path = parts.groups()
    scheme = scheme.casefold()
    host = host.rpartition("@")[2] if not scheme.startswith(("abfs", "wasb")) else host
    return f"{_SYNONYMS.get(scheme, scheme)}://{host.casefold()}{(path or '').rstrip('/')}"


@lru_cache(maxsize=4096)
def clean_name(name: str) -> str:
    """Return a dataset's name without the user and password of an address, other than one of abfss or wasb."""
    parts = _ADDRESS.fullmatch(name.strip())
    if parts is None or parts[1].casefold().startswith(("abfs", "wasb")):
        return name.strip()
    return f"{parts[1]}://{parts[2].rpartition('@')[2]}{parts[3] or ''}"


@lru_cache(maxsize=4096)
def dataset_of(namespace: str, name: str) -> Spec:
    """Return the dataset with a namespace and name.

    Where the namespace is an address, the dataset's name is namespace/name: a run that logs this address means the same
    dataset. Otherwise the name counts within the namespace only.
    """
    parts = _ADDRESS.fullmatch(namespace)
    if parts is not None and not parts[3]:
        return dataset_spec(f"{namespace}/{name.lstrip('/')}")
    return dataset_spec(name, namespace)


def version_of(facets: Mapping[str, Any], use: Mapping[str, Any]) -> str:
    """Return the version that facets name: that of the dataset, otherwise the Iceberg snapshot; "" for none."""
    candidates = (
        (facets, "version", "datasetVersion"),
        (use, "icebergScanReport", "snapshotId"),
        (use, "icebergCommitReport", "snapshotId"),
    )
    for facet_group, facet, key in candidates:
        value = facet_group.get(facet, {}).get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return _named(version_key(str(value).replace("\x00", "").strip()))[:_LONGEST_VERSION]
    return ""


def unknown_version(run_id: str, *, written: bool) -> str:
    """Return the name of an unnamed version: a name for what each run read, and one for what it wrote."""
    return f"{WRITTEN_BY if written else READ_BY}{run_id}"


def _named(version: str) -> str:
    """Return a version that a client named, so that it is never taken for the unnamed version of a run."""
    return f"version {version}" if version.startswith((READ_BY, WRITTEN_BY)) else version
