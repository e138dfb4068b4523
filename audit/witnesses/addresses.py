"""The addresses of witnesses in CUSTODY_WITNESSES, and the kind of witness that each names."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from audit.verifier.audit_verify import WITNESS_KEY, parse_vkey
from audit.witnesses.buckets import BucketWitness
from audit.witnesses.hooks import HookWitness
from audit.witnesses.interface import Witness
from audit.witnesses.kinds import FileWitness, TlogWitness
from audit.witnesses.timestamps import TimestampWitness
from core.ids import whole_number

_LOCKED_DAYS = 3650
_FORMS = (
    "file:///folder, https://host/prefix#KEY, s3://bucket/prefix?days=3650, tsa+https://host/path#/roots.pem or"
    " hook+https://host/path"
)


def witness_of(address: str) -> Witness:
    """Return the witness of an address.

    Raises ValueError: the address has none of the forms, or a package that the witness needs is not installed.
    """
    parts = urlsplit(address)
    kind, _, scheme = parts.scheme.rpartition("+")
    if parts.scheme == "file" and parts.path.startswith("/"):
        return FileWitness(f"file {unquote(parts.path)}", Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.hostname:
        return _bucket(parts)
    if scheme in ("http", "https") and parts.hostname:
        url = address.partition("#")[0].removeprefix(f"{kind}+")
        fragment = unquote(parts.fragment)
        if kind == "hook" and not fragment:
            return HookWitness(f"hook {parts.hostname}", url)
        if kind == "tsa" and fragment.startswith("/"):
            _require("rfc3161_client", address, "requirements-timestamps.txt")
            return TimestampWitness(f"time stamps of {parts.hostname}", url, Path(fragment))
        if not kind and fragment:
            key = parse_vkey(fragment, WITNESS_KEY)
            return TlogWitness(key.name, url, key)
    raise ValueError(f"{address!r} is no witness: write {_FORMS}")


def _bucket(parts: SplitResult) -> BucketWitness:
    days = parse_qs(parts.query).get("days", [str(_LOCKED_DAYS)])[-1]
    if not 0 < (whole_number(days) or 0) <= 36500 or (parts.query and not parts.query.startswith("days=")):  # noqa: PLR2004 - a hundred years
        raise ValueError(
            f"{parts.geturl()!r} is no witness: after the bucket write ?days= and a number from 1 to 36500"
        )
    _require("boto3", parts.geturl(), "requirements-s3.txt")
    prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
    return BucketWitness(f"bucket {parts.netloc}", parts.netloc, prefix, int(days))


def _require(package: str, address: str, file: str) -> None:
    if find_spec(package) is None:
        raise ValueError(f"{address!r} needs {package}, which is not installed: pip install -r {file}")
