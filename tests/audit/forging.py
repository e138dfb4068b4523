"""Changes to an unpacked export: careless ones, and those of a forger who knows everything but the log's key."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audit.transparency.notes import Signer, checkpoint_text, new_signer, sign_note
from audit.verifier.audit_verify import (
    CHECKPOINT,
    CSV_COLUMNS,
    ERASED_TEXT,
    EVENTS,
    IDENTITIES,
    LEAVES,
    MANIFEST,
    MANIFEST_NOTE,
    REPORT,
    TABLE,
    TEXT_HASHES,
    TEXTS,
    Place,
    canonical,
    commitment,
    csv_cells,
    data_commitment,
    leaf_hash,
    manifest_bytes,
    manifest_text,
    people_in,
    root_of,
    split_note,
    table_row,
    text_hashes_of,
)

SALT = bytes(32)  # that of names and texts which a forger makes up
FORGED_TEXT = "I approve."
Entries = list[dict[str, Any]]
Change = Callable[[Entries, random.Random], None]


def text_commitment(salt: bytes, value: object) -> str:
    """Return the commitment to a text."""
    return data_commitment(salt, canonical(value))


def chances(seed: int) -> random.Random:
    """Return a source of choices that repeats itself for the same seed."""
    return random.Random(seed)  # noqa: S311 - choices of a test, not secrets


def read_entries(folder: Path) -> Entries:
    """Return the entries of an export."""
    return [json.loads(line) for line in (folder / EVENTS).read_bytes().splitlines()]


def flip(folder: Path, rng: random.Random) -> None:
    """Change one byte of one file, carelessly."""
    path = rng.choice(sorted(folder.iterdir()))
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
    path.write_bytes(data)


def cut(folder: Path, rng: random.Random) -> None:
    """Cut off the end of a file, or remove a line of it."""
    path = rng.choice([folder / EVENTS, folder / TABLE])
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    path.write_bytes(b"".join(lines))


def reorder(folder: Path, rng: random.Random) -> None:
    """Exchange two lines."""
    path = folder / EVENTS
    lines = path.read_bytes().splitlines(keepends=True)
    one, two = rng.sample(range(len(lines)), 2)
    lines[one], lines[two] = lines[two], lines[one]
    path.write_bytes(b"".join(lines))


def remove(folder: Path, rng: random.Random) -> None:
    """Remove a file."""
    rng.choice(sorted(folder.iterdir())).unlink()


def plant(folder: Path, rng: random.Random) -> None:
    """Add a file."""
    (folder / f"events-{rng.randrange(100)}.csv").write_text("trust me")


NAIVE = [flip, flip, flip, cut, reorder, remove, plant]


def drop(entries: Entries, rng: random.Random) -> None:
    """Leave an event out, and number the others anew."""
    del entries[rng.randrange(len(entries))]
    renumber(entries)


def cut_tail(entries: Entries, rng: random.Random) -> None:
    """Leave out the newest events."""
    del entries[rng.randrange(1, len(entries)) :]


def insert(entries: Entries, rng: random.Random) -> None:
    """Put an event in."""
    entries.insert(rng.randrange(len(entries) + 1), json.loads(json.dumps(rng.choice(entries))))
    renumber(entries)


def append(entries: Entries, rng: random.Random) -> None:
    """Add an event at the end."""
    entries.append(json.loads(json.dumps(rng.choice(entries))))
    renumber(entries)


def edit(entries: Entries, rng: random.Random) -> None:
    """Change who, when, what, why or the software of an event."""
    event = rng.choice(entries)["event"]
    key = rng.choice(["at", "action", "reason", "app_version", "outcome", "object", "actor"])
    event[key] = _by_eve(event["actor"]) if key == "actor" else f"{event[key]}x"


def _by_eve(actor: dict[str, Any]) -> dict[str, Any]:
    return {**actor, **({"name_hash": commitment(SALT, "eve")} if "name_hash" in actor else {"name": "eve"})}


def exchange(entries: Entries, rng: random.Random) -> None:
    """Exchange two events, with their numbers."""
    one, two = rng.sample(range(len(entries)), 2)
    entries[one]["event"], entries[two]["event"] = entries[two]["event"], entries[one]["event"]


def move(entries: Entries, rng: random.Random) -> None:
    """Give an event another generation or number."""
    entry = rng.choice(entries)
    entry[rng.choice(["gen", "seq"])] = rng.randrange(1, 99) + (entry["seq"] or 0) + 100


def rewrite(entries: Entries, rng: random.Random) -> None:
    """Let an event commit to another text than the one that was written."""
    entry = rng.choice([entry for entry in entries if TEXT_HASHES in entry["event"]] or entries)
    node = entry["event"].setdefault(TEXT_HASHES, {"reason": ""})
    place = rng.choice(text_hashes_of(entry["event"]))[0]
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = text_commitment(SALT, FORGED_TEXT)


FORGED: list[Change] = [drop, cut_tail, insert, append, edit, edit, exchange, move, rewrite]


def renumber(entries: Entries) -> None:
    """Give generations and numbers without gaps."""
    first = min((entry["seq"] for entry in entries), default=0)
    for place, entry in enumerate(entries):
        entry["seq"] = first + place
        entry["gen"] = None if entry["gen"] is None else place + 1


def rebuild(
    folder: Path,
    entries: Entries,
    signer: Signer | None,
    *,
    keep_signatures: bool = False,
    names: dict[str, str] | None = None,
) -> None:
    """Make a package of changed entries whose every hash agrees,
    signed by ``signer`` or by a key of the forger's own.

    ``names`` are new names of people by their old ones: the annex and the table have those.
    """
    lines = [canonical(entry) for entry in entries]
    (folder / EVENTS).write_bytes(b"".join(line + b"\n" for line in lines))
    text = io.StringIO(newline="")
    rows = csv.writer(text, quoting=csv.QUOTE_ALL)
    rows.writerow(CSV_COLUMNS)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    names = _name_actors(folder / IDENTITIES, entries, names or {}) if IDENTITIES in manifest["files"] else {}
    texts = _put_texts(folder / TEXTS, entries, manifest)
    rows.writerows(
        csv_cells(table_row(entry, leaf_hash(line), names, known))
        for entry, line, known in zip(entries, lines, texts, strict=True)
    )
    (folder / TABLE).write_bytes(text.getvalue().encode())
    leaves = _leaves(folder, entries, lines)
    root = root_of(leaves)
    signer = signer or new_signer(manifest["origin"])
    checkpoint = checkpoint_text(manifest["origin"], len(leaves), root)
    _write_note(folder / CHECKPOINT, checkpoint, signer, keep_signatures=keep_signatures)
    claim = manifest["claim"] | {"events": len(entries), "first_seq": None, "last_seq": None}
    if entries:
        claim |= {"first_seq": entries[0]["seq"], "last_seq": entries[-1]["seq"]}
    if "last_gen" in claim:
        claim["last_gen"] = entries[-1]["gen"] if entries else 0
    manifest |= {"claim": claim, "size": len(leaves), "root": base64.b64encode(root).decode()}
    _name_in_report(folder / REPORT, manifest["files"][EVENTS]["sha256"], (folder / EVENTS).read_bytes())
    _sign_manifest(folder, manifest, signer, keep_signatures=keep_signatures)


def sign_again(folder: Path, signer: Signer) -> None:
    """Sign a package whose files were changed, as the server could."""
    _sign_manifest(folder, json.loads((folder / MANIFEST).read_bytes()), signer, keep_signatures=False)


def _sign_manifest(folder: Path, manifest: dict[str, Any], signer: Signer, *, keep_signatures: bool) -> None:
    for name in manifest["files"]:
        data = (folder / name).read_bytes()
        manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    data = manifest_bytes(manifest)
    (folder / MANIFEST).write_bytes(data)
    _write_note(
        folder / MANIFEST_NOTE, manifest_text(manifest["origin"], data), signer, keep_signatures=keep_signatures
    )


def _name_in_report(report: Path, before: str, events: bytes) -> None:
    """Put the digest of the changed events into the report, which the verifier reads before the signatures."""
    text = report.read_text(encoding="utf-8")
    report.write_text(text.replace(before, hashlib.sha256(events).hexdigest()), encoding="utf-8")


def _name_actors(annex: Path, entries: Entries, renamed: dict[str, str]) -> dict[str, str]:
    """Put exactly the actors of the changed events into the annex; return the names behind commitments."""
    lines = {_key(row): row for row in map(json.loads, annex.read_bytes().splitlines())}
    actors = {person for entry in entries for person in people_in(entry["event"])}
    acting = {name for _, kind, name in actors if kind}
    rows = [lines.get(key) or _made_up(key) for key in sorted(actors) if key[1] or key[2] not in acting]
    rows = [{**row, "name": renamed.get(row["name"], row["name"])} for row in rows]
    annex.write_bytes(b"".join(canonical(row) + b"\n" for row in rows))
    return {row["commitment"]: row["name"] for row in rows if "commitment" in row}


def _put_texts(annex: Path, entries: Entries, manifest: dict[str, Any]) -> list[dict[Place, Any]]:
    """Put exactly the texts of the changed events into the annex; return those of each event by place."""
    if TEXTS not in manifest["files"]:
        return [{} for _ in entries]
    known = {text_commitment(SALT, FORGED_TEXT): {"salt": SALT.hex(), "value": FORGED_TEXT}}
    for line in map(json.loads, annex.read_bytes().splitlines()):
        if "salt" in line:
            digest = text_commitment(bytes.fromhex(line["salt"]), line["value"])
            known[digest] = {"salt": line["salt"], "value": line["value"]}
    lines, texts = [], []
    for entry in entries:
        hashes = text_hashes_of(entry["event"])
        texts.append({place: known.get(digest, {}).get("value", ERASED_TEXT) for place, digest in hashes})
        lines += [
            {"place": list(place), "seq": entry["seq"], **known.get(digest, {"erased": True})}
            for place, digest in hashes
        ]
    annex.write_bytes(b"".join(canonical(line) + b"\n" for line in lines))
    erased = sum("erased" in line for line in lines)
    manifest["texts"] = {"erased": erased, "revealed": len(lines) - erased}
    return texts


def _key(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["ref"], row["kind"], row.get("commitment", row["name"])


def _made_up(key: tuple[str, str, str]) -> dict[str, Any]:
    """Return the line of a person who is not in the annex: eve, or somebody with a plain name."""
    named = {"commitment": key[2], "name": "eve", "salt": SALT.hex()} if len(key[2]) == 64 else {"name": key[2]}
    return {"ref": key[0], "kind": key[1], "owner": "", "printed_name": "", "state": "none", **named}


def _leaves(folder: Path, entries: Entries, lines: list[bytes]) -> list[bytes]:
    path = folder / LEAVES
    if not path.exists():
        return [leaf_hash(line) for line in lines]
    data = path.read_bytes()
    leaves = [data[at : at + 32] for at in range(0, len(data), 32)]
    for entry, line in zip(entries, lines, strict=True):
        leaves += [bytes(32)] * (min(entry["seq"], 500) + 1 - len(leaves))
        leaves[min(entry["seq"], 500)] = leaf_hash(line)
    path.write_bytes(b"".join(leaves))
    return leaves


def _write_note(path: Path, text: bytes, signer: Signer, *, keep_signatures: bool) -> None:
    if keep_signatures:
        signatures = split_note(path.read_bytes())[1]
        lines = [f"— {name} {base64.b64encode(signature).decode()}\n".encode() for name, signature in signatures]
        path.write_bytes(text + b"\n" + b"".join(lines))
    else:
        path.write_bytes(sign_note(text, [signer]))
