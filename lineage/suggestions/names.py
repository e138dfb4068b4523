"""Keys under which the names of datasets are compared: one for each address, and one for names that look alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from lineage.identity.names import DEFAULT_NAMES, dataset_key, is_uri
from lineage.models import DatasetName, Node, NodeKind
from lineage.openlineage.dataset_names import clean_namespace

_LONGEST = 700
_LONGEST_PLAIN = 300
# Shorter names, and these, are alike by accident.
_SHORTEST_PLAIN = 4
_COMMON = DEFAULT_NAMES | {"data", "file", "table", "test", "train", "validation", "input", "output", "part"}
_DEFAULT_PORTS = {"postgres": 5432, "mysql": 3306, "redshift": 5439, "mssql": 1433, "oracle": 1521}
_NO_ADDRESS = re.compile(r"experiment-\d+")
_SUFFIX = re.compile(r"(?:\.(?:csv|tsv|json|jsonl|parquet|orc|avro|feather|arrow|txt|gz|zip|zst))+$", re.IGNORECASE)


def address_key(name: str, scope: str = "") -> str:
    """Return the key that all spellings of a dataset's address share, "" for a name without an address.

    User, default port, repeated slashes and synonyms of a scheme (``s3a``, ``postgresql``) do not count.
    """
    text = f"{scope}/{name.lstrip('/')}" if scope and not _NO_ADDRESS.fullmatch(scope) and not is_uri(name) else name
    if not is_uri(text):
        return ""
    scheme, _, location = text.partition(":")
    if scheme.casefold() == "file":
        path = re.sub(r"^//localhost(?=/)", "", location, flags=re.IGNORECASE)
        return f"file:/{'/'.join(part for part in path.split('/') if part)}"[:_LONGEST]
    address = clean_namespace(text)
    try:
        parts = urlsplit(address)
        host = parts.netloc.removesuffix(f":{_DEFAULT_PORTS.get(parts.scheme, 0)}")
    except ValueError:
        return address[:_LONGEST]
    path = "/".join(part for part in address.partition("://")[2].split("/")[1:] if part)
    return f"{parts.scheme}://{host}/{path}"[:_LONGEST]


def plain_key(name: str) -> str:
    """Return the letters and digits of the last part of a name, "" for a name that is too short or too common.

    ``Orders-Table``, ``orders_table`` and ``s3://bucket/orders_table.parquet`` share a key.
    """
    last = dataset_key(name).rstrip("/").rpartition("/")[2].casefold()
    plain = "".join(letter for letter in _SUFFIX.sub("", last) if letter.isalnum())
    return "" if len(plain) < _SHORTEST_PLAIN or plain in _COMMON else plain[:_LONGEST_PLAIN]


def store_names(nodes: Iterable[Node]) -> None:
    """Insert the keys of datasets that have none yet."""
    rows = [
        DatasetName(
            node=node, address=address_key(node.name, str(node.attrs.get("scope", ""))), plain=plain_key(node.name)
        )
        for node in nodes
        if node.kind == NodeKind.DATASET
    ]
    DatasetName.objects.bulk_create(rows, ignore_conflicts=True)
