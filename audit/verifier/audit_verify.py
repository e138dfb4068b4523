#!/usr/bin/env python3
"""Verify an audit export of Custody, offline, with nothing but Python 3.9 or later.

    python3 audit_verify.py EXPORT.zip --vkey KEY [--checkpoint OLD]... [--full] [--json]

EXPORT is the zip file, or a directory it was unpacked into. KEY is the public key of the log, or a file that holds it:
use your own copy, not the one in the package. OLD is an earlier checkpoint of the log that you stored. Exit status:
0 everything agrees, 1 something was changed, 2 the input cannot be verified. README.txt explains the limits
of the proof.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import csv
import datetime
import hashlib
import importlib
import io
import json
import re
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:  # it is faster, and not needed
    InvalidSignature = ValueError  # type: ignore[assignment, misc]  # in place of the class
    Ed25519PublicKey = None  # type: ignore[assignment, misc]  # in place of the class

FORMAT = "custody-audit-export/5"
FORMATS = (FORMAT, "custody-audit-export/4", "custody-audit-export/3")
MANIFEST, MANIFEST_NOTE, CHECKPOINT = "manifest.json", "manifest.note", "checkpoint"
EVENTS, TABLE, LEAVES = "events.jsonl", "events.csv", "leaf_hashes.bin"
PARQUET = "events.parquet"  # the columns of the table with types, where it was asked for
WITNESSED = "witnessed"
IDENTITIES, TEXTS, REPORT = "identities.jsonl", "texts.jsonl", "report.html"
TIMESTAMP = ("timestamp.txt", "timestamp.tsr")  # a checkpoint and the time stamp on it (RFC 3161)
LOG_KEY, WITNESS_KEY = 1, 4
KEY_KINDS = {LOG_KEY: "log", WITNESS_KEY: "witness"}
MANIFEST_TITLE = "custody-audit-manifest/1"
WHOLE_LOG, MODEL, NUMBERS, RANGE, SELECTION = "whole log", "model", "numbers", "range", "selection"
PROVEN, ASSERTED = "proven", "asserted"
NEW_LOG = "audit.log.started"  # the action of the first event of a log that follows another
COMPLETENESS = {WHOLE_LOG: PROVEN, MODEL: PROVEN, NUMBERS: PROVEN, RANGE: ASSERTED, SELECTION: ASSERTED}
# Events of schema 3 hold commitments in place of names: of the actor, of whom a job acts for, of an account as object.
NAME_HASH, BEHALF_HASH, NAMED_OBJECT = "name_hash", "on_behalf_of_hash", "user:sha256:"
ERASED = "erased person "  # the beginning of what is shown in place of an erased name
# Events of schema 4 hold commitments in place of texts that people wrote, and of addresses, under this key.
TEXT_HASHES = "texts"
# The names of people in their facts are under this key: `{"after": {"owner": COMMITMENT}}`. Several names are a list,
# or are joined as they were. Facts whose keys are names are under "keys": `{"after": {"user:COMMITMENT": VALUE}}`.
FACT_NAMES, NAMED_KEYS, NAMES_SEPARATOR = "people", "keys", ", "
ERASED_TEXT = "[erased]"  # what is shown in place of an erased text
CSV_COLUMNS = [
    "seq",
    "stream",
    "gen",
    "at",
    "outcome",
    "action",
    "object",
    "actor",
    "actor_ref",
    "actor_kind",
    "auth",
    "on_behalf_of",
    "reason",
    "before",
    "after",
    "request_id",
    "app_version",
    "event_id",
    "leaf_hash",
]

# The types of the columns in Parquet; all others are text.
PARQUET_TYPES = {"seq": "int64", "gen": "int64", "at": "timestamp[us, tz=UTC]"}
COMPARED, NO_PYARROW, NOT_FULL = "compared", "not compared: pyarrow is not installed", "not compared: --full does"

_LONGEST_LINE = 1 << 16
_LARGEST_INT = 2**53 - 1
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)  # noqa: UP017 - Python 3.9 has no datetime.UTC
_ROWS_AT_ONCE = 500
_SMALL_FILE = 1 << 20
_CHUNK = 1 << 20
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - the full-width forms are meant
_SAFE_BEGINNINGS = re.compile(r"[^=+\-@＝＋－＠\s]*\Z")  # noqa: RUF001 - the full-width forms are meant
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_TEXT_KEYS = ("event_id", "at", "action", "outcome", "request_id", "object", "stream", "app_version")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)
_TAIL = re.compile(rb',"gen":(null|[1-9][0-9]{0,15}),"seq":(0|[1-9][0-9]{0,15}),"stream":"([A-Za-z0-9:._-]*)"}\Z')
_HEAD = b'{"event":{'
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,18})\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_SHA256_BYTES = re.compile(rb"[0-9a-f]{64}\Z")
_PSEUDONYM = re.compile(re.escape(ERASED) + r"[0-9a-f]{12}\Z")
_PERSON_KEYS = {"kind", "name", "owner", "printed_name", "ref", "state"}
_TEXT_MARK = b'"texts":{'  # no line without it has commitments to texts
Place = tuple[str, ...]  # where a text belongs in an event, such as ("after", "text") or ("reason",)


class Unusable(Exception):
    """The input cannot be read as an export, or cannot be verified with the given keys."""


class BadText(ValueError):
    """A line of the annex of texts that is not the text which the event commits to."""


class BadNote(ValueError):
    """A signed note that cannot be read, or that no given key has signed."""


# --- the tree: the server uses these too ----------------------------------------------------------------------------


def leaf_hash(entry: bytes) -> bytes:
    """Return the RFC 6962 leaf hash of an entry's exact bytes: SHA-256 over a zero byte and the bytes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the RFC 6962 hash of an inner node: SHA-256 over a one byte and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: list[bytes]) -> bytes:
    """Return the root over complete subtrees of equal size, of which the last may be incomplete.

    For none: SHA-256 of nothing.
    """
    if not hashes:
        return hashlib.sha256(b"").digest()
    row = hashes
    while len(row) > 1:
        paired = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = paired + ([row[-1]] if len(row) % 2 else [])
    return row[0]


class Tree:
    """A Merkle tree that leaves are appended to; it holds one hash for each complete subtree."""

    def __init__(self) -> None:
        self.size = 0
        self._stack: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        size = self.size
        stack = self._stack
        while size & 1:
            leaf = hashlib.sha256(b"\x01" + stack.pop() + leaf).digest()
            size >>= 1
        stack.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the leaves so far."""
        if not self._stack:
            return hashlib.sha256(b"").digest()
        root = self._stack[-1]
        for left in reversed(self._stack[:-1]):
            root = node_hash(left, root)
        return root


# --- signed notes (c2sp.org/signed-note) ----------------------------------------------------------------------------


class Key(NamedTuple):
    """A public Ed25519 key of a note: its name, the first bytes of its hash, and its 32 bytes."""

    name: str
    hash: bytes
    public: bytes


class Checkpoint(NamedTuple):
    """A signed tree head: the origin of the log, the number of its leaves, the root, and the note it was read from."""

    origin: str
    size: int
    root: bytes
    note: bytes


def key_hash(name: str, kind: int, public: bytes) -> bytes:
    """Return the four bytes by which a note's signature names its key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def decode_base64(text: str) -> bytes:
    """Return the bytes of canonical base64. Raises BadNote for any other text."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadNote(f"{text[:40]!r} is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise BadNote(f"{text[:40]!r} is not canonical base64")
    return data


def parse_vkey(text: str, kind: int = LOG_KEY) -> Key:
    """Return the key of a log, or of a witness, that `name+hash+base64` describes.

    Raises BadNote where it is none of this kind.
    """
    name, _, key_part = text.strip().partition("+")
    digest, _, encoded = key_part.partition("+")
    data = decode_base64(encoded)
    if not name or len(data) != 33 or data[0] != kind:  # noqa: PLR2004 - the type and 32 bytes
        raise BadNote(f"{text[:60]!r} is no Ed25519 key of a {KEY_KINDS[kind]}")
    key = Key(name, key_hash(name, kind, data[1:]), data[1:])
    if key.hash.hex() != digest:
        raise BadNote(f"the hash in {text[:60]!r} is not that of its key")
    return key


def split_note(data: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return the text of a note and its signatures as (name, key hash and signature). Raises BadNote."""
    cut = data.rfind(b"\n\n")
    try:
        lines = data[cut + 2 :].decode("utf-8").split("\n")
        data[: cut + 1].decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadNote("the note is not UTF-8") from error
    if cut < 1 or len(lines) < 2 or lines[-1] or len(lines) > 101:  # noqa: PLR2004 - text, a signature, an end
        raise BadNote("the note has no text, or no signatures")
    if any(byte < 32 and byte != 10 for byte in data):  # noqa: PLR2004 - control characters other than LF
        raise BadNote("the note has control characters")
    signatures = []
    for line in lines[:-1]:
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—" or not parts[1] or "+" in parts[1]:  # noqa: PLR2004 - as the format says
            raise BadNote("a signature line cannot be read")
        signatures.append((parts[1], decode_base64(parts[2])))
    return data[: cut + 1], signatures


def open_note(data: bytes, keys: list[Key]) -> bytes:
    """Return the text of a note that one of the keys has signed.

    Raises BadNote where none has, or a signature by one is wrong.
    """
    text, signatures = split_note(data)
    signed = False
    for name, signature in signatures:
        for key in keys:
            if (key.name, key.hash) != (name, signature[:4]):
                continue
            if not ed25519_verify(key.public, signature[4:], text):
                raise BadNote(f"the signature by {name} is wrong")
            signed = True
    if not signed:
        raise BadNote("no given key has signed it")
    return text


def parse_checkpoint(text: bytes, note: bytes = b"") -> Checkpoint:
    """Return the fields of a checkpoint's text. Raises BadNote."""
    lines = text.decode("utf-8").split("\n")
    if len(lines) < 4 or lines[-1] or not lines[0] or not _DECIMAL.match(lines[1]):  # noqa: PLR2004 - three lines and an end
        raise BadNote("it is no checkpoint")
    root = decode_base64(lines[2])
    if len(root) != 32:  # noqa: PLR2004 - SHA-256
        raise BadNote("its root is no SHA-256")
    return Checkpoint(lines[0], int(lines[1]), root, note)


def cosigned_at(data: bytes, key: Key) -> int:
    """Return the time in seconds at which a witness cosigned a checkpoint (tlog-cosignature).

    Raises BadNote where it did not.
    """
    text, signatures = split_note(data)
    for name, signature in signatures:
        if (name, signature[:4]) == (key.name, key.hash):
            at = int.from_bytes(signature[4:12], "big")
            if ed25519_verify(key.public, signature[12:], cosigned_bytes(text, at)):
                return at
    raise BadNote(f"{key.name} has not cosigned it")


def cosigned_bytes(text: bytes, at: int) -> bytes:
    """Return the bytes that a witness signs: the time, and the text of the checkpoint."""
    return f"cosignature/v1\ntime {at}\n".encode() + text


def open_checkpoint(data: bytes, keys: list[Key]) -> Checkpoint:
    """Return a checkpoint that one of the keys has signed, whose origin is that key's name. Raises BadNote."""
    checkpoint = parse_checkpoint(open_note(data, keys), data)
    if checkpoint.origin not in {key.name for key in keys}:
        raise BadNote(f"it is of the log {checkpoint.origin}, which no given key is of")
    return checkpoint


# --- Ed25519 (RFC 8032), for few signatures --------------------------------------------------------------------------

_P = 2**255 - 19
_Q = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_I = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]


def _add(left: _Point, right: _Point) -> _Point:
    a = (left[1] - left[0]) * (right[1] - right[0]) % _P
    b = (left[1] + left[0]) * (right[1] + right[0]) % _P
    c = 2 * left[3] * right[3] * _D % _P
    d = 2 * left[2] * right[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: _Point) -> _Point:
    total: _Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    return total


def _point(data: bytes) -> _Point | None:
    """Return the point that 32 bytes encode, None where they encode none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _I % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


_BASE = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))


def ed25519_verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether an Ed25519 signature of 64 bytes is right; with the package cryptography where it is installed."""
    if Ed25519PublicKey is None:
        return plain_ed25519_verify(public, signature, message)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def plain_ed25519_verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether an Ed25519 signature of 64 bytes is right, with the standard library alone."""
    if len(public) != 32 or len(signature) != 64:  # noqa: PLR2004 - the sizes of the scheme
        return False
    a, r, s = _point(public), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= _Q or _BASE is None:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _Q
    left, right = _times(s, _BASE), _add(r, _times(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % _P == 0 and (left[1] * right[2] - right[1] * left[2]) % _P == 0


# --- how events are written: the exporter uses these too ------------------------------------------------------------


def canonical(value: Any) -> bytes:
    """Return the canonical JSON bytes: sorted keys, no spaces, UTF-8 (RFC 8785 for values without floats)."""
    return _ENCODER.encode(value).encode("utf-8")


def commitment(salt: bytes, name: str) -> str:
    """Return the commitment to a name: SHA-256 (hex) over the salt and the name."""
    return hashlib.sha256(salt + name.encode("utf-8")).hexdigest()


def commitments_of(event: dict[str, Any]) -> list[str]:
    """Return the commitments to names in an event; none before schema 3."""
    actor = event["actor"]
    digests = [actor[key] for key in (NAME_HASH, BEHALF_HASH) if key in actor]
    digests += [event["object"][len(NAMED_OBJECT) :]] if event["object"].startswith(NAMED_OBJECT) else []
    return [*digests, *_fact_names(event.get(FACT_NAMES, {}))]


def _fact_names(named: dict[str, Any]) -> Iterator[str]:
    """Yield the commitments to the names in the facts of an event."""
    for side, facts in named.items():
        for value in facts.values():
            if side == NAMED_KEYS:
                yield from (name.rpartition(":")[2] for name in value)
            else:
                yield from _several(value)


def _several(value: Any) -> list[str]:
    """Return the parts of a fact that names people."""
    return value.split(NAMES_SEPARATOR) if isinstance(value, str) else list(value)


def data_commitment(salt: bytes, data: bytes) -> str:
    """Return the commitment to a text: SHA-256 (hex) over the salt and the canonical JSON of the text."""
    return hashlib.sha256(salt + data).hexdigest()


def text_hashes_of(event: dict[str, Any]) -> list[tuple[Place, str]]:
    """Return the place and the commitment of each text of an event, by place; none before schema 4."""
    return sorted(_leaves(event.get(TEXT_HASHES, {}), ()))


def _leaves(node: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(node, str):
        yield place, node
        return
    for key, child in node.items():
        yield from _leaves(child, (*place, key))


def with_texts(event: dict[str, Any], texts: Mapping[Place, Any]) -> dict[str, Any]:
    """Return the event with its texts; `sha256:` and the commitment where ``texts`` has none."""
    if TEXT_HASHES not in event:
        return event
    facts = {key: value for key, value in event.items() if key != TEXT_HASHES}
    return _with_texts(facts, event[TEXT_HASHES], texts, ())


def _with_texts(
    node: dict[str, Any], hashes: dict[str, Any], texts: Mapping[Place, Any], place: Place
) -> dict[str, Any]:
    whole = dict(node)
    for key, child in hashes.items():
        there = (*place, key)
        is_text = isinstance(child, str)
        whole[key] = (
            texts.get(there, f"sha256:{child}") if is_text else _with_texts(node.get(key) or {}, child, texts, there)
        )
    return dict(sorted(whole.items()))


def with_names(event: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the event with the name behind each commitment; `sha256:` and the commitment where ``names`` has none."""
    actor, obj = dict(event["actor"]), event["object"]
    for key, name in ((NAME_HASH, "name"), (BEHALF_HASH, "on_behalf_of")):
        if key in actor:
            actor[name] = names.get(actor[key], f"sha256:{actor[key]}")
    if obj.startswith(NAMED_OBJECT):
        digest = obj[len(NAMED_OBJECT) :]
        obj = f"user:{names.get(digest, f'sha256:{digest}')}"
    named = {**event, "actor": actor, "object": obj}
    return _with_fact_names(named, names) if FACT_NAMES in event else named


def _with_fact_names(event: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return an event with the names in its facts."""
    whole = {key: value for key, value in event.items() if key != FACT_NAMES}
    hashes = dict(event[FACT_NAMES])
    for side, facts in hashes.pop(NAMED_KEYS, {}).items():
        keys = {_named_key(key, names): value for key, value in facts.items()}
        whole[side] = dict(sorted({**(whole[side] or {}), **keys}.items()))
    for side, facts in hashes.items():
        values = {
            key: [names.get(digest, f"sha256:{digest}") for digest in _several(fact)] for key, fact in facts.items()
        }
        joined = {
            key: NAMES_SEPARATOR.join(value) if isinstance(facts[key], str) else value for key, value in values.items()
        }
        whole[side] = dict(sorted({**(whole[side] or {}), **joined}.items()))
    return whole


def _named_key(key: str, names: Mapping[str, str]) -> str:
    kind, _, digest = key.rpartition(":")
    return f"{kind}:{names.get(digest, f'sha256:{digest}')}"


def is_hidden(name: str) -> bool:
    """Return whether a name was erased or left out; a user name has neither a space nor a colon."""
    return name.startswith((ERASED, "sha256:"))


def manifest_bytes(manifest: dict[str, Any]) -> bytes:
    """Return the one accepted form of a manifest."""
    return (json.dumps(manifest, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def manifest_text(origin: str, manifest: bytes) -> bytes:
    """Return the text that the log's key signs for a manifest. Its first line tells it from a checkpoint."""
    return f"{MANIFEST_TITLE}\n{origin}\n{hashlib.sha256(manifest).hexdigest()}\n".encode()


def kind_of(filters: dict[str, str]) -> str:
    """Return the kind of claim that the filters of an export allow."""
    names = set(filters)
    if not names:
        return WHOLE_LOG
    if names == {"model"}:
        return MODEL
    if names <= {"first_seq", "last_seq"}:
        return NUMBERS
    return RANGE if names <= {"since", "until"} else SELECTION


def table_row(
    entry: dict[str, Any], leaf: bytes, names: Mapping[str, str], texts: Mapping[Place, Any] | None = None
) -> list[Any]:
    """Return the values of an entry of the log in the order of CSV_COLUMNS.

    ``names`` has the names behind commitments, ``texts`` the texts of this event.
    """
    event = with_texts(with_names(entry["event"], names), texts or {})
    actor = event["actor"]
    columns = {
        **event,
        **{key: entry[key] for key in ("seq", "gen", "stream")},
        "actor": actor["name"],
        "actor_ref": actor["ref"],
        "actor_kind": actor["kind"],
        "auth": actor["auth"],
        "on_behalf_of": actor.get("on_behalf_of", ""),
        "leaf_hash": leaf.hex(),
    }
    return [columns[column] for column in CSV_COLUMNS]


def csv_cells(row: list[Any]) -> list[str]:
    """Return the values of an entry as cells of events.csv."""
    return [_cell(value) for value in row]


def csv_line(row: list[Any]) -> str:
    """Return the values of an entry as a line of events.csv: every cell is quoted.

    It is what `csv.writer` makes of `csv_cells`, in a quarter of the time.
    """
    cells = [value if isinstance(value, str) else _text(value) for value in row]
    line = "\x00".join(cells)
    if line.count("\x00") >= len(cells) or not _SAFE_BEGINNINGS.match("".join([cell[:1] for cell in cells])):
        line = "\x00".join(csv_cells(row))
    line = line.replace('"', '""').replace("\x00", '","')
    return f'"{line}"\r\n'


def parquet_values(row: list[Any]) -> list[Any]:
    """Return the values of an entry as events.parquet has them.

    Numbers are integers or None, the time is in microseconds since 1970 (UTC), all others are text: facts as canonical
    JSON. Raises ValueError for a time that cannot be read.
    """
    pairs = zip(CSV_COLUMNS, row)  # noqa: B905 - Python 3.9 has no `strict`
    return [
        _microseconds(value) if key == "at" else value if key in PARQUET_TYPES else _text(value) for key, value in pairs
    ]


def _microseconds(moment: str) -> int:
    if not moment.endswith("Z"):
        raise ValueError(f"{moment!a} is no time in UTC")
    passed = datetime.datetime.fromisoformat(moment[:-1] + "+00:00") - _EPOCH  # noqa: FURB162 - Python 3.9 reads no Z
    return passed // datetime.timedelta(microseconds=1)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _ENCODER.encode(value)


def _cell(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula: one that would be starts with an apostrophe."""
    text = _text(value)
    if "\x00" in text:
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    risky = text.startswith(_FORMULA) or (text[:1].isspace() and text.lstrip().startswith(_FORMULA))
    return "'" + text if risky else text


# --- reading ---------------------------------------------------------------------------------------------------------


class Package:
    """The files of an export, in a zip file or a directory."""

    def __init__(self, path: Path) -> None:
        self.zip: zipfile.ZipFile | None = None
        self.path = path
        self.extra_bytes = ""
        if path.is_dir():
            self.names = sorted(entry.relative_to(path).as_posix() for entry in path.rglob("*") if not entry.is_dir())
            return
        try:
            self.zip = zipfile.ZipFile(path)
            self.names = self.zip.namelist()
            self.extra_bytes = self._extra_bytes()
        except (*_BROKEN, IndexError) as error:
            raise Unusable(f"{path} is neither a directory nor a readable zip file: {error}") from error

    def _extra_bytes(self) -> str:
        """Return a description of bytes in the zip file outside its members, "" for none."""
        assert self.zip is not None  # noqa: S101 - called for zip files only
        place, outside = 0, bool(self.zip.comment)
        with self.path.open("rb") as file:
            for info in sorted(self.zip.infolist(), key=lambda info: info.header_offset):
                outside = outside or info.header_offset != place or bool(info.comment)
                file.seek(info.header_offset)
                head = file.read(30)
                file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), io.SEEK_CUR)
                file.seek(info.compress_size, io.SEEK_CUR)
                place = file.tell() + _descriptor_length(file.read(24), info)
            file.seek(0, io.SEEK_END)
            file.seek(max(0, file.tell() - 22))
            end = file.read()
        outside = outside or place != self.zip.start_dir or end[:4] != b"PK\x05\x06"
        return "bytes outside its members" if outside else ""

    def open(self, name: str) -> BinaryIO:
        """Open one file for reading bytes."""
        if self.zip is not None:
            return self.zip.open(name)  # type: ignore[return-value]  # a ZipExtFile reads like one
        path = self.path / name
        if path.is_symlink() or not path.is_file():
            raise ValueError("it is a link, or no file")
        return path.open("rb")

    def read_small(self, name: str) -> bytes:
        """Return the bytes of a small file. Raises Unusable where it cannot be read or is large."""
        try:
            with self.open(name) as file:
                data = file.read(_SMALL_FILE + 1)
        except (*_BROKEN, KeyError) as error:
            raise Unusable(f"{name} cannot be read: {error}") from error
        if len(data) > _SMALL_FILE:
            raise Unusable(f"{name} is too large")
        return data


def _descriptor_length(data: bytes, info: zipfile.ZipInfo) -> int:
    """Return how long the sizes are that a streamed zip file has behind a member, 0 where it has none."""
    if not info.flag_bits & 8:
        return 0
    for width in (8, 4):
        sizes = [info.CRC.to_bytes(4, "little")]
        try:
            sizes += [size.to_bytes(width, "little") for size in (info.compress_size, info.file_size)]
        except OverflowError:
            continue
        for mark in (b"PK\x07\x08", b""):
            descriptor = mark + b"".join(sizes)
            if data.startswith(descriptor):
                return len(descriptor)
    return 0


class Report:
    """The report: the problems, and the facts of the export."""

    def __init__(self) -> None:
        self.errors: list[dict[str, Any]] = []
        self.facts: dict[str, Any] = {}

    def wrong(self, where: str, problem: str, line: int | None = None, seq: int | None = None) -> None:
        """Note one thing that does not agree."""
        error = {"where": where, "what": problem, "line": line, "seq": seq}
        self.errors.append({key: value for key, value in error.items() if value is not None})


class Signed(NamedTuple):
    """The parts of a package that the log's key has signed."""

    checkpoint: Checkpoint
    manifest: dict[str, Any]


def read_signed(package: Package, keys: list[Key], report: Report) -> Signed | None:
    """Return checkpoint and manifest, None where a signature or a hash is wrong.

    Raises Unusable where they cannot be read.
    """
    data = package.read_small(MANIFEST)
    try:
        checkpoint = open_checkpoint(package.read_small(CHECKPOINT), keys)
    except BadNote as error:
        report.wrong(CHECKPOINT, str(error))
        return None
    try:
        text = open_note(package.read_small(MANIFEST_NOTE), keys)
    except BadNote as error:
        report.wrong(MANIFEST_NOTE, str(error))
        return None
    if text != manifest_text(checkpoint.origin, data):
        report.wrong(MANIFEST, "its SHA-256 or its log is not the one that was signed")
        return None
    try:
        manifest = json.loads(data)
        is_supported = manifest["format"] in FORMATS and isinstance(manifest["files"], dict)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unusable(f"{MANIFEST} cannot be read: {error!r}") from error
    if not is_supported:
        raise Unusable(f"{MANIFEST} is not of format {' or '.join(FORMATS)}")
    claim = manifest["claim"]
    if (claim["kind"], claim["completeness"]) != (kind_of(manifest["filters"]), COMPLETENESS.get(claim["kind"])):
        report.wrong(MANIFEST, "it claims another completeness than its filters allow")
        return None
    if (manifest["size"], manifest["root"]) != (checkpoint.size, base64.b64encode(checkpoint.root).decode()):
        report.wrong(CHECKPOINT, "it is not the one that the manifest names")
        return None
    return Signed(checkpoint, manifest)


def check_names(package: Package, manifest: dict[str, Any], report: Report) -> bool:
    """Check that exactly the signed files are there; return whether they are."""
    expected = {*manifest["files"], MANIFEST, MANIFEST_NOTE}
    before = len(report.errors)
    if package.extra_bytes:
        report.wrong(package.path.name, f"the zip file has {package.extra_bytes}")
    for name in sorted({name for name in package.names if package.names.count(name) > 1}):
        report.wrong(name, "is there more than once")
    for name in sorted(expected - set(package.names)):
        report.wrong(name, "is missing")
    for name in sorted(set(package.names) - expected):
        report.wrong(name, "is not part of the export")
    return len(report.errors) == before


def check_file(package: Package, name: str, listed: Any, report: Report) -> None:
    """Check length and SHA-256 of one file."""
    digest, size = hashlib.sha256(), 0
    try:
        with package.open(name) as file:
            while (chunk := file.read(_CHUNK)) and size <= listed["bytes"]:
                digest.update(chunk)
                size += len(chunk)
    except _BROKEN as error:
        report.wrong(name, f"cannot be read: {error}")
        return
    if listed != {"sha256": digest.hexdigest(), "bytes": size}:
        report.wrong(name, "its SHA-256 or length is not the one that was signed")


# --- the texts of events ---------------------------------------------------------------------------------------------


class Texts:
    """The annex of texts, which is read beside the events: it has a line for each text, in the order of the log.

    Before format 5 there is none, and no event commits to a text.
    """

    def __init__(self, file: BinaryIO | None) -> None:
        self.file = file
        self.line = self.checked = self.erased = 0

    def of(self, entry: dict[str, Any]) -> dict[Place, Any]:
        """Return the texts of the next entry by place.

        Raises BadText where one is not what the event commits to, or is not in canonical form.
        """
        texts: dict[Place, Any] = {}
        for place, digest in text_hashes_of(entry["event"]):
            data = self.next(entry["seq"], place, digest)
            texts[place] = ERASED_TEXT if data is None else json.loads(data)
            if data is not None and canonical(texts[place]) != data:
                raise BadText("the line is not in canonical form")
        return texts

    def next(self, seq: int, place: Place, digest: str) -> bytes | None:
        """Return the next text, as JSON: that of an event at a place; None where it was erased.

        Raises BadText where the text is not the one that has this commitment. What has it is not parsed here: a million
        events have many texts.
        """
        line = self.file.readline(_LONGEST_LINE + 1) if self.file is not None else b""
        self.line += 1
        head, middle = _place_in_line(place), b'","seq":%d,"value":' % seq
        salt = line[len(head) : len(head) + 64]
        if not (line.startswith(head) and line.startswith(middle, len(head) + 64) and line.endswith(b"}\n")):
            self._other_line(line, seq, place)
            return None
        data = line[len(head) + 64 + len(middle) : -2]
        if not _SHA256_BYTES.match(salt) or data_commitment(bytes.fromhex(salt.decode()), data) != digest:
            raise BadText(f"it is not the text {'.'.join(place)} that the event {seq} commits to")
        self.checked += 1
        return data

    def _other_line(self, line: bytes, seq: int, place: Place) -> None:
        """Count the line of an erased text. Raises BadText for any other line."""
        text = json.loads(line) if line else {}
        if not isinstance(text, dict) or (text.get("seq"), text.get("place")) != (seq, list(place)):
            raise BadText(f"the text {'.'.join(place)} of the event {seq} is missing")
        if canonical(text) + b"\n" != line:
            raise BadText("the line is not in canonical form")
        if text.keys() == {"missing", "place", "seq"}:
            raise BadText(f"the server has lost the text {'.'.join(place)} of the event {seq}: no erasure took it")
        if text.keys() != {"erased", "place", "seq"} or text["erased"] is not True:
            raise BadText("the line has other fields than a text has")
        self.erased += 1

    def finish(self, signed: Any) -> None:
        """Raise BadText where the annex has more lines, or where their numbers are not ``signed``."""
        if self.file is None:
            return
        if self.file.readline(1):
            raise BadText("there are more texts than the events commit to")
        if signed != {"erased": self.erased, "revealed": self.checked}:
            raise BadText("the numbers of texts, and of erased ones, are not those that were signed")

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()


@lru_cache(maxsize=1000)
def _place_in_line(place: Place) -> bytes:
    """Return the beginning of the line of a text at a place, up to the salt."""
    return b'{"place":%b,"salt":"' % canonical(list(place))


def hashes_in(line: bytes, end: int) -> list[tuple[Place, str]]:
    """Return the place and the commitment of each text of the entry in a line, by place.

    ``end`` is where the position begins, behind the event. The commitments are the last part of an event in canonical
    form, and only they are parsed then. Raises ValueError, KeyError or TypeError.
    """
    at = line.rfind(b"," + _TEXT_MARK, 0, end) + len(_TEXT_MARK)
    try:
        if line[end - 1 : end] == b"}":
            return sorted(_leaves(json.loads(line[at : end - 1]), ()))
    except (ValueError, AttributeError):
        pass  # the event has another order of keys
    return text_hashes_of(json.loads(line)["event"])


def open_texts(package: Package, files: Any) -> Texts:
    """Return the annex of texts, an empty one where the package has none."""
    return Texts(package.open(TEXTS) if TEXTS in files else None)


def _check_text_hashes(event: dict[str, Any]) -> None:
    """Raise ValueError where the commitments to texts have another form, or stand beside the texts."""
    hashes = event[TEXT_HASHES]
    if not isinstance(hashes, dict) or not hashes or not hashes.keys() <= {"after", "before", "reason"}:
        raise ValueError("the commitments to texts have another form")
    for place, digest in _leaves_checked(hashes, ()):
        node = event
        for key in place[:-1]:
            node = node.get(key) or {}
        if not _SHA256.match(digest) or (node.get(place[-1]) if place == ("reason",) else place[-1] in node):
            raise ValueError("a commitment to a text is no SHA-256, or stands beside a text")


def _leaves_checked(node: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if not isinstance(node, dict) or not node:
        raise ValueError("the commitments to texts have another form")
    for key, child in node.items():
        if isinstance(child, str):
            yield (*place, key), child
        else:
            yield from _leaves_checked(child, (*place, key))


# --- the events ------------------------------------------------------------------------------------------------------


class Walk:
    """Follows the entries of an export: their numbers, their generations, the tree over them, and their texts."""

    def __init__(
        self, signed: Signed, olds: list[Checkpoint], leaves: list[bytes] | None, texts: Texts, report: Report
    ) -> None:
        self.claim = signed.manifest["claim"]["kind"]
        self.stream = signed.manifest["claim"].get("stream", "")
        self.report, self.leaves, self.size = report, leaves, signed.checkpoint.size
        self.texts, self.texts_agree = texts, True
        self.olds = {old.size: old for old in olds}
        self.tree = Tree()
        self.count = 0
        self.first_seq: int | None = None
        self.began_after: dict[str, Any] | None = None
        self.last_seq = self.last_gen = -1

    def take(self, line: bytes) -> bool:
        """Take the next entry; return whether it is where it belongs."""
        self.count += 1
        tail = _TAIL.search(line, max(0, len(line) - 200))
        if tail is None or not line.startswith(_HEAD):
            return self._wrong("the line is no entry of a log")
        seq = int(tail[2])
        leaf = hashlib.sha256(b"\x00" + line).digest()
        if self.first_seq is None:
            self.first_seq = seq
            self.began_after = _old_log(line) if seq == 0 else None
        elif seq <= self.last_seq or (self.claim in (WHOLE_LOG, NUMBERS, RANGE) and seq != self.last_seq + 1):
            return self._wrong(f"number {seq} follows {self.last_seq}", seq)
        self.last_seq = seq
        if self.leaves is not None:
            if seq >= len(self.leaves) or self.leaves[seq] != leaf:
                return self._wrong("the entry is not the one that the log holds under its number", seq)
        else:
            if self.tree.size in self.olds:
                self._compare(self.olds[self.tree.size])
            self.tree.append(leaf)
        if self.texts_agree and _TEXT_MARK in line:
            self._take_texts(line, tail.start(), seq)
        return self._in_stream(tail, seq) if self.claim == MODEL else True

    def _take_texts(self, line: bytes, end: int, seq: int) -> None:
        try:
            for place, digest in hashes_in(line, end):
                self.texts.next(seq, place, digest)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self._wrong_text(str(error), seq)

    def _wrong_text(self, problem: str, seq: int | None = None) -> None:
        self.texts_agree = False
        if not any(error["where"] == TEXTS for error in self.report.errors):
            self.report.wrong(TEXTS, problem, self.texts.line, seq)

    def _in_stream(self, tail: re.Match[bytes], seq: int) -> bool:
        gen = 0 if tail[1] == b"null" else int(tail[1])
        before, self.last_gen = max(self.last_gen, 0), gen
        if tail[3].decode() != self.stream:
            return self._wrong(f"the event does not belong to {self.stream}", seq)
        return gen == before + 1 or self._wrong(f"generation {gen} follows {before}", seq)

    def _wrong(self, problem: str, seq: int | None = None) -> bool:
        self.report.wrong(EVENTS, problem, self.count, seq)
        return False

    def _compare(self, old: Checkpoint) -> None:
        if self.tree.root() != old.root:
            self.report.wrong(CHECKPOINT, f"the log does not extend the given checkpoint of size {old.size}")

    def finish(self, signed: Signed) -> None:
        """Compare the tree with the signed root and the kept checkpoints, and the counts with the manifest."""
        for leaf in self.leaves or []:
            if self.tree.size in self.olds:
                self._compare(self.olds[self.tree.size])
            self.tree.append(leaf)
        if self.tree.size in self.olds:
            self._compare(self.olds[self.tree.size])
        if (self.tree.size, self.tree.root()) != (signed.checkpoint.size, signed.checkpoint.root):
            self.report.wrong(EVENTS, "the entries do not make the tree that was signed")
        claim = signed.manifest["claim"]
        self._finish_texts(signed.manifest.get(TEXT_HASHES))
        if self.claim == NUMBERS:
            self._compare_range(signed.manifest["filters"])
        counts = {"events": self.count, "first_seq": self.first_seq, "last_seq": self.last_seq if self.count else None}
        if self.claim == MODEL:
            counts["last_gen"] = max(self.last_gen, 0)
        if any(claim.get(key) != value for key, value in counts.items()):
            self.report.wrong(MANIFEST, "its counts are not those of the events")

    def _finish_texts(self, counts: Any) -> None:
        """Compare the numbers of texts with the signed ones."""
        if self.texts_agree and not self.report.errors:
            try:
                self.texts.finish(counts)
            except BadText as error:
                self._wrong_text(str(error))

    def _compare_range(self, filters: dict[str, str]) -> None:
        """Compare the numbers of the entries with those that were asked for."""
        first = int(filters.get("first_seq", "0"))
        last = min(int(filters.get("last_seq", str(self.size))), self.size - 1)
        expected = (first, last) if first <= last else (None, -1)
        if (self.first_seq, self.last_seq) != expected:
            self.report.wrong(EVENTS, f"the numbers {first} to {last} were asked for, and not all of them are here")


def _old_log(entry: bytes) -> dict[str, Any] | None:
    """Return the end of the log before this one as the first entry names it, None where there was none.

    Raises ValueError, KeyError or TypeError where the entry cannot be read.
    """
    event = json.loads(entry)["event"]
    if event["action"] != NEW_LOG:
        return None
    after = event["after"]
    old = {"log": after["old_log"], "size": after["old_size"], "root": after["old_root"], "held": after["held"]}
    if not isinstance(old["size"], int) or not isinstance(old["held"], int):
        raise TypeError("the first entry does not say where the log before it ended")
    return old | {"lost": [old["held"], old["size"] - 1] if old["held"] < old["size"] else None}


def check_old_log(began_after: dict[str, Any] | None, olds: list[Checkpoint], report: Report) -> int:
    """Compare stored checkpoints of other logs with the end of the previous log, which this log names.

    Return the number of checkpoints that were compared: those of the last size. Smaller ones cannot be compared.
    """
    compared = 0
    for old in olds:
        if began_after is None or old.origin != began_after["log"]:
            report.wrong(CHECKPOINT, f"the given checkpoint is of another log, {old.origin}")
        elif old.size > began_after["size"]:
            lost = f"the events {began_after['size']} to {old.size - 1} are lost, and this log conceals it"
            report.wrong(CHECKPOINT, f"of the log {old.origin} {lost}")
        elif old.size == began_after["size"]:
            compared += 1
            if base64.b64encode(old.root).decode() != began_after["root"]:
                report.wrong(CHECKPOINT, f"the log {old.origin} ended with another tree than this log names")
    return compared


def check_events(package: Package, listed: dict[str, Any], walk: Walk, report: Report) -> None:
    """Read events.jsonl once and check its SHA-256, its lines, and the entries in them."""
    digest, size, unfinished_line, good = hashlib.sha256(), 0, b"", True
    with package.open(EVENTS) as file:
        while (chunk := file.read(_CHUNK)) and size <= listed["bytes"]:
            digest.update(chunk)
            size += len(chunk)
            lines = (unfinished_line + chunk).split(b"\n")
            unfinished_line = lines.pop()
            for line in lines:
                good = good and walk.take(line)
            if len(unfinished_line) > _LONGEST_LINE:
                break
    if unfinished_line:
        report.wrong(EVENTS, "the last line does not end, or is too long", walk.count + 1)
    if listed != {"sha256": digest.hexdigest(), "bytes": size}:
        report.wrong(EVENTS, "its SHA-256 or length is not the one that was signed")


def read_leaves(package: Package, manifest: dict[str, Any], report: Report) -> list[bytes] | None:
    """Return the leaf hashes that a filtered export holds, None for the whole log."""
    if manifest["claim"]["kind"] == WHOLE_LOG:
        return None
    try:
        with package.open(LEAVES) as file:
            data = file.read(manifest["size"] * 32 + 1)
    except _BROKEN as error:
        report.wrong(LEAVES, f"cannot be read: {error}")
        return []
    if len(data) != manifest["size"] * 32:
        report.wrong(LEAVES, "it does not hold one hash for each entry of the log")
        return []
    return [data[i : i + 32] for i in range(0, len(data), 32)]


def parse_entry(line: bytes) -> dict[str, Any]:
    """Return the entry a line holds. Raises ValueError where it is not in canonical form or lacks a field."""
    entry = json.loads(line, parse_float=_no_float, parse_constant=_no_float, parse_int=_small_int)
    if not isinstance(entry, dict) or canonical(entry) != line:
        raise ValueError("the line is not in canonical form")
    event = entry.get("event")
    if not isinstance(event, dict) or entry.keys() != {"event", "gen", "seq", "stream"}:
        raise ValueError("the line is no entry of a log")
    actor = event.get("actor")
    if not isinstance(actor, dict) or not {"reason", "before", "after"} <= event.keys():
        raise ValueError("the event lacks a field")
    _check_actor(actor)
    name = NAME_HASH if NAME_HASH in actor else "name"
    texts = [event.get(key) for key in _TEXT_KEYS] + [actor.get(key) for key in ("ref", "kind", name, "auth")]
    if not all(isinstance(text, str) for text in texts) or event["stream"] != entry["stream"]:
        raise ValueError("the event lacks a field, or has one of the wrong type")
    _check_commitments(event)
    if "gen" in event and event["gen"] != entry["gen"]:
        raise ValueError("the event names another generation than its entry")
    return entry


def _check_actor(actor: dict[str, Any]) -> None:
    """Raise ValueError where the commitments to names have another form, or stand beside the names."""
    digests = [actor[key] for key in (NAME_HASH, BEHALF_HASH) if key in actor]
    if not all(isinstance(digest, str) and _SHA256.match(digest) for digest in digests):
        raise ValueError("a commitment to a name is no SHA-256")
    if (NAME_HASH in actor) == ("name" in actor) or (BEHALF_HASH in actor and "on_behalf_of" in actor):
        raise ValueError("the actor has no name, or has one beside a commitment to it")


def _check_commitments(event: dict[str, Any]) -> None:
    """Raise ValueError where the commitments to texts, or to names in facts, have another form."""
    if TEXT_HASHES in event:
        _check_text_hashes(event)
    if FACT_NAMES in event:
        _check_fact_names(event)


def _check_fact_names(event: dict[str, Any]) -> None:
    """Raise ValueError where the commitments to names in facts have another form, or stand beside the names."""
    named = event[FACT_NAMES]
    keys = named.get(NAMED_KEYS, {}) if isinstance(named, dict) else None
    sides = {**named, **keys} if isinstance(keys, dict) else {}
    sides.pop(NAMED_KEYS, None)
    if (
        not sides
        or not sides.keys() <= {"after", "before"}
        or not all(isinstance(each, dict) for each in sides.values())
    ):
        raise ValueError("the commitments to names in facts have another form")
    beside = any(key in event[side] for side, facts in named.items() if side != NAMED_KEYS for key in facts)
    if beside or not all(isinstance(digest, str) and _SHA256.match(digest) for digest in _fact_names(named)):
        raise ValueError("a commitment to a name is no SHA-256, or stands beside a name")


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"canonical events hold no {text}")


def _small_int(text: str) -> int:
    if len(text) > len(str(_LARGEST_INT)) + 1 or abs(int(text)) > _LARGEST_INT:
        raise ValueError("a number is larger than canonical events hold")
    return int(text)


class People:
    """The annex of identities: the names behind commitments, as far as they are revealed and right.

    ``actors`` are the actors that the annex lists, as (reference, kind, name or commitment). A person whom events
    only name is one with "" for reference and kind.
    """

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.actors: set[tuple[str, str, str]] = set()
        self.erased: set[str] = set()

    def take(self, person: Any) -> str:
        """Take one line; return what is wrong with it, "" for nothing. Raises KeyError where it has another form."""
        digest = person.get("commitment")
        actor = (person["ref"], person["kind"], person["name"] if digest is None else digest)
        if actor in self.actors or digest in self.names:
            return "there are two lines for one actor"
        self.actors.add(actor)
        if digest is None:
            return "" if person.keys() == _PERSON_KEYS else "the line has other fields than a person has"
        if person.keys() != _PERSON_KEYS | {"commitment", "salt"}:
            return "the line has other fields than a person has"
        self.names[digest] = person["name"]
        if person["state"] == "erased":
            self.erased.add(digest)
            has_text = person["salt"] or person["printed_name"] or person["owner"]
            return "" if _PSEUDONYM.match(person["name"]) and not has_text else "the line names a person who was erased"
        if is_hidden(person["name"]) or commitment(bytes.fromhex(person["salt"]), person["name"]) != digest:
            return f"{person['name']!a} is not the name that the events commit to"
        return ""


def read_people(package: Package, report: Report, files: Any) -> People:
    """Return the annex of identities, after checking that each name is the one that the events commit to.

    Where there is no annex, nobody is in it.
    """
    people = People()
    if IDENTITIES not in files or any(error["where"] == IDENTITIES for error in report.errors):
        return people
    with package.open(IDENTITIES) as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE + 1), b""), start=1):
            person = json.loads(line)
            problem = "the line is not in canonical form" if canonical(person) + b"\n" != line else people.take(person)
            if problem:
                report.wrong(IDENTITIES, problem, number)
                return people
    return people


def check_content(package: Package, report: Report, files: dict[str, Any], people: People) -> None:
    """Check the canonical form of each entry, that events.csv says the same, and the annex and the report."""
    actors: set[tuple[str, str, str]] = set()
    csv.field_size_limit(1 << 20)
    with package.open(EVENTS) as events, io.TextIOWrapper(package.open(TABLE), encoding="utf-8", newline="") as text:
        rows = csv.reader(text, strict=True)
        if next(rows, None) != CSV_COLUMNS:
            report.wrong(TABLE, "the header is not the expected one", 1)
        with closing(open_texts(package, files)) as texts, closing(open_parquet(package, files, report)) as parquet:
            number = _check_rows(events, rows, report, actors, people.names, texts, parquet)
            if parquet.rows and not report.errors and next(parquet.rows, None) is not None:
                report.wrong(PARQUET, "there are more rows than events", number + 1)
        if number and next(rows, None) is not None:
            report.wrong(TABLE, "there are more rows than events", number + 1)
    if IDENTITIES in files and not report.errors:
        _check_people(actors, people, report)
    if REPORT in files:
        with package.open(REPORT) as file:
            if files[EVENTS]["sha256"].encode() not in file.read(_SMALL_FILE):
                report.wrong(REPORT, "it does not name the SHA-256 of the events")


class Parquet:
    """The rows of events.parquet, None where they are not compared."""

    def __init__(self, rows: Iterator[list[Any]] | None = None, file: BinaryIO | None = None) -> None:
        self.rows, self._file = rows, file

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def open_parquet(package: Package, files: Any, report: Report) -> Parquet:
    """Return the rows of events.parquet where the package has it and pyarrow is installed.

    pyarrow is not part of Python, and reads a file only after its SHA-256 was found to be the signed one.
    """
    if PARQUET not in files or any(error["where"] == PARQUET for error in report.errors):
        return Parquet()
    try:
        reader = importlib.import_module("pyarrow.parquet")
    except ImportError:
        report.facts["parquet"] = NO_PYARROW
        return Parquet()
    file = _seekable(package)
    try:
        table = reader.ParquetFile(file)
        columns = [(field.name, str(field.type)) for field in table.schema_arrow]
    except Exception as error:  # noqa: BLE001 - pyarrow has errors of its own
        file.close()
        report.wrong(PARQUET, f"cannot be read: {error}")
        return Parquet()
    if columns != [(name, PARQUET_TYPES.get(name, "string")) for name in CSV_COLUMNS]:
        file.close()
        report.wrong(PARQUET, "it has other columns than the table")
        return Parquet()
    report.facts["parquet"] = COMPARED
    return Parquet(_parquet_rows(table), file)


def _seekable(package: Package) -> BinaryIO:
    """Return a copy of events.parquet outside the zip file: Parquet is read from its end."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    with package.open(PARQUET) as source:
        while chunk := source.read(_CHUNK):
            file.write(chunk)
    file.seek(0)
    return file


def _parquet_rows(table: Any) -> Iterator[list[Any]]:
    """Yield the values of each row. Raises ValueError where one cannot be read."""
    try:
        for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE):
            columns = [batch.column(name) for name in CSV_COLUMNS]
            columns[CSV_COLUMNS.index("at")] = batch.column("at").cast("int64")
            yield from map(list, zip(*(column.to_pylist() for column in columns)))  # noqa: B905 - Python 3.9 has no `strict`
    except Exception as error:
        raise ValueError(f"{PARQUET}: {error}") from error


def _check_people(actors: set[tuple[str, str, str]], people: People, report: Report) -> None:
    """Check that the annex has one line for each person of the events, and no other."""
    acting = {actor[2] for actor in actors if actor[1]}
    needed = {actor for actor in actors if actor[1] or actor[2] not in acting}
    for ref, _, _ in sorted(people.actors - needed)[:1]:
        report.wrong(IDENTITIES, f"no event is by the actor {ref!a}, or about this person")
    for ref, _, name in sorted(needed - people.actors)[:1]:
        report.wrong(IDENTITIES, f"the actor {ref or name!a} is missing")


def people_in(event: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the actor of an event as (reference, kind, name or commitment), and ("", "", commitment) of each person
    whom it only names.
    """
    actor = event["actor"]
    yield actor["ref"], actor["kind"], actor[NAME_HASH] if NAME_HASH in actor else actor["name"]
    yield from (("", "", digest) for digest in commitments_of(event) if digest != actor.get(NAME_HASH))


def _check_rows(
    events: BinaryIO,
    rows: Iterator[list[str]],
    report: Report,
    actors: set[tuple[str, str, str]],
    names: Mapping[str, str],
    texts: Texts,
    parquet: Parquet,
) -> int:
    """Compare lines with rows and add the people; return the number of lines, 0 after the first that differs."""
    number = 0
    while line := events.readline(_LONGEST_LINE + 1):
        number += 1
        try:
            entry = parse_entry(line.rstrip(b"\n"))
        except (ValueError, RecursionError) as error:
            report.wrong(EVENTS, str(error), number)
            return 0
        values = table_row(entry, leaf_hash(line[:-1]), names, texts.of(entry))
        if next(rows, None) != csv_cells(values):
            report.wrong(TABLE, f"row {number} does not say what event {number} says", number)
            return 0
        if parquet.rows and next(parquet.rows, None) != parquet_values(values):
            report.wrong(PARQUET, f"row {number} does not say what event {number} says", number)
            return 0
        actors.update(people_in(entry["event"]))
    return number


# --- the verdict -----------------------------------------------------------------------------------------------------


def verify(
    path: Path,
    keys: list[Key],
    olds: list[bytes] | None = None,
    *,
    witnesses: list[Key] | None = None,
    full: bool = False,
) -> Report:
    """Check an export and return the report. Each of the witnesses must have cosigned. Raises Unusable."""
    report = Report()
    package = Package(path)
    signed = read_signed(package, keys, report)
    if signed is None or not check_names(package, signed.manifest, report):
        return report
    files = signed.manifest["files"]
    witnessed = package.read_small(WITNESSED) if WITNESSED in files else b""
    kept_checkpoints, others = _kept_checkpoints(
        [*(olds or []), *([witnessed] if witnessed else [])], keys, signed.checkpoint, report
    )
    cosigned = _cosignatures(witnessed, witnesses or [], report)
    for name in sorted(set(files) - {EVENTS}):
        check_file(package, name, files[name], report)
    try:
        leaves = read_leaves(package, signed.manifest, report)
        with closing(open_texts(package, files)) as texts:
            walk = Walk(signed, kept_checkpoints, leaves, texts, report)
            check_events(package, files[EVENTS], walk, report)
            walk.finish(signed)
        compared = len(olds or []) - len(others) + check_old_log(walk.began_after, others, report)
        report.facts = _facts(signed, compared, full=full) | {"cosigned": cosigned, "began_after": walk.began_after}
        people = read_people(package, report, files)
        report.facts["names"] = {"checked": len(people.names) - len(people.erased), "erased": len(people.erased)}
        report.facts["texts"] = {"checked": texts.checked, "erased": texts.erased}
        report.facts["parquet"] = NOT_FULL if PARQUET in files else None
        if full and not any(error["where"] in (IDENTITIES, TEXTS) for error in report.errors):
            check_content(package, report, files, people)
    except (*_BROKEN, csv.Error, AttributeError, KeyError, TypeError, RecursionError) as error:
        report.wrong(EVENTS, f"cannot be read: {error}")
    return report


def _cosignatures(note: bytes, witnesses: list[Key], report: Report) -> list[dict[str, Any]]:
    """Return the valid cosignatures: witness, time and size. Report the invalid ones."""
    cosignatures = []
    for key in witnesses:
        try:
            at = cosigned_at(note, key)
            cosignatures.append({"witness": key.name, "time": at, "size": parse_checkpoint(split_note(note)[0]).size})
        except BadNote as error:
            report.wrong(WITNESSED, str(error))
    return cosignatures


def _kept_checkpoints(
    olds: list[bytes], keys: list[Key], now: Checkpoint, report: Report
) -> tuple[list[Checkpoint], list[Checkpoint]]:
    """Return the kept checkpoints of this log, and those of others.

    Raises Unusable for one that no given key has signed.
    """
    checkpoints: list[Checkpoint] = []
    others: list[Checkpoint] = []
    for data in olds:
        try:
            old = open_checkpoint(data, keys)
        except BadNote as error:
            raise Unusable(f"a given checkpoint cannot be used: {error}") from error
        if old.origin != now.origin:
            others.append(old)
        elif old.size > now.size:
            report.wrong(CHECKPOINT, f"the log ends at {now.size}, before the given checkpoint of size {old.size}")
        elif any(other.size == old.size and other.root != old.root for other in checkpoints):
            report.wrong(CHECKPOINT, f"two given checkpoints of size {old.size} differ")
        else:
            checkpoints.append(old)
    return checkpoints, others


def _facts(signed: Signed, olds: int, *, full: bool) -> dict[str, Any]:
    claim = signed.manifest["claim"]
    return {
        "log": signed.checkpoint.origin,
        "size": signed.checkpoint.size,
        "events": claim["events"],
        "claim": claim,
        "checkpoints_compared": olds,
        "content_compared": full,
        "filters": signed.manifest["filters"],
        "generated_at": signed.manifest["generated_at"],
    }


def main(arguments: list[str] | None = None) -> int:
    """Run as a command; return the exit status."""
    parser = argparse.ArgumentParser(description="Verify an audit export of Custody.")
    parser.add_argument("export", type=Path, help="the zip file, or the directory it was unpacked into")
    parser.add_argument("--vkey", action="append", required=True, metavar="KEY", help="a public key, or a file of them")
    parser.add_argument("--checkpoint", action="append", default=[], type=Path, metavar="OLD", help="one that you kept")
    parser.add_argument(
        "--witness", action="append", default=[], metavar="KEY", help="a witness that must have cosigned"
    )
    parser.add_argument(
        "--full", action="store_true", help="also check the canonical form, the tables, the annex and the report"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    try:
        keys = [key for option in options.vkey for key in _keys(option)]
        olds = [path.read_bytes() for path in options.checkpoint]
        witnesses = [key for option in options.witness for key in _keys(option, WITNESS_KEY)]
        report = verify(options.export, keys, olds, witnesses=witnesses, full=options.full)
    except Exception as error:  # noqa: BLE001 - an error that is not caught would end with 1: something was changed
        why = str(error) if isinstance(error, (Unusable, BadNote, OSError)) else f"the verifier failed: {error!r}"
        print(json.dumps({"result": "unusable", "why": why}) if options.json else f"UNUSABLE: {why}")
        return 2
    if options.json:
        result = "tampered" if report.errors else "ok"
        print(json.dumps({"result": result, "errors": report.errors, **report.facts}, indent=2))
    else:
        _print(report)
    return 1 if report.errors else 0


def _keys(option: str, kind: int = LOG_KEY) -> list[Key]:
    path = Path(option)
    text = path.read_text(encoding="utf-8") if "+" not in option or path.is_file() else option
    return [parse_vkey(line, kind) for line in text.splitlines() if line.strip()]


def _print(report: Report) -> None:
    for error in report.errors:
        place = "".join(f", {key} {error[key]}" for key in ("line", "seq") if key in error)
        print(f"WRONG  {error['where']}{place}: {error['what']}")
    facts = report.facts
    if facts:
        claim = facts["claim"]
        print(f"{facts['events']} events of {facts['log']} ({claim['kind']}); completeness: {claim['completeness']}")
        for name, part in claim["filters"].items():
            print(f"filter {name}={facts['filters'][name]!a}: {part['says']}")
        for cosigned in facts["cosigned"]:
            print(
                f"cosigned at size {cosigned['size']} by {cosigned['witness']}, {cosigned['time']} seconds after 1970"
            )
        if began := facts["began_after"]:
            lost = (
                f"its events {began['lost'][0]} to {began['lost'][1]} are LOST"
                if began["lost"]
                else "none of its events is lost"
            )
            print(f"this log follows {began['log']!a}, which ended at size {began['size']}: {lost}")
        if any(names := facts["names"].values()):
            checked, erased = names
            print(f"{checked} names are those that the events commit to; {erased} names were erased")
        if any(texts := facts["texts"].values()):
            checked, erased = texts
            print(f"{checked} texts are those that the events commit to; {erased} texts were erased")
        print(f"{PARQUET}: {facts['parquet']}\n" if facts["parquet"] else "", end="")
        print(f"checkpoint of size {facts['size']}; compared with {facts['checkpoints_compared']} that you kept")
    print("TAMPERED: what was exported is not what is here." if report.errors else "OK: everything agrees.")


if __name__ == "__main__":
    sys.exit(main())
