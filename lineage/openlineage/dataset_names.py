"""The dataset of an OpenLineage namespace and name, and its version from the facets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lineage.identity.names import version_key
from lineage.identity.nodes import Spec, dataset_spec

_SYNONYMS = {"postgresql": "postgres", "s3a": "s3", "s3n": "s3", "abfs": "abfss", "wasb": "wasbs"}
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/]*)(/.*)?")
_LONGEST_VERSION = 255


def clean_namespace(namespace: str) -> str:
    """Return a namespace without password and trailing slashes; scheme and host in lower case, synonyms as one."""
    parts = _ADDRESS.fullmatch(namespace.strip())
    if parts is None:
        return namespace.strip()
    scheme, host, path = parts.groups()
    scheme = scheme.casefold()
    host = host.rpartition("@")[2] if not scheme.startswith(("abfs", "wasb")) else host
    return f"{_SYNONYMS.get(scheme, scheme)}://{host.casefold()}{(path or '').rstrip('/')}"


def clean_name(name: str) -> str:
    """Return a dataset's name without what may be a password in an address."""
    parts = _ADDRESS.fullmatch(name.strip())
    if parts is None or parts[1].casefold().startswith(("abfs", "wasb")):
        return name.strip()
    return f"{parts[1]}://{parts[2].rpartition('@')[2]}{parts[3] or ''}"


def dataset_of(namespace: str, name: str) -> Spec:
    """Return the dataset: by its address where the namespace is one,
    so that runs that log the address name the same.
    """
    parts = _ADDRESS.fullmatch(namespace)
    if parts is not None and not parts[3]:
        return dataset_spec(f"{namespace}/{name.lstrip('/')}")
    return dataset_spec(name, namespace)


def version_of(facets: Mapping[str, Any], use: Mapping[str, Any]) -> str:
    """Return the version that facets name: that of the dataset, else the snapshot of Iceberg; "" for none."""
    candidates = (
        (facets, "version", "datasetVersion"),
        (use, "icebergScanReport", "snapshotId"),
        (use, "icebergCommitReport", "snapshotId"),
    )
    for where, facet, key in candidates:
        value = where.get(facet, {}).get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return version_key(str(value).replace("\x00", "").strip()[:_LONGEST_VERSION])
    return ""


def unknown_version(run_id: str, *, written: bool) -> str:
    """Return the name of a version that nobody named: one for each run that read it, and one for each that wrote it."""
    return f"{'written' if written else 'read'} by {run_id}"
