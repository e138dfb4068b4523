"""Changes to an export that somebody makes who has another export of the log, and knows everything but its key."""

from __future__ import annotations

import base64
import json
import os
import shutil
import struct
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

from audit.transparency.notes import checkpoint_text, new_signer, sign_note
from audit.verifier.audit_verify import canonical, split_note

Change = Callable[[Path, Path], None]  # the directory to change, and that of another export of the same log
ZipChange = Callable[[Path], None]


def replaced(name: str, old: bytes, new: bytes) -> Change:
    """Return a change of the first such bytes of a file."""

    def change(folder: Path, _other: Path) -> None:
        data = (folder / name).read_bytes()
        assert old in data
        (folder / name).write_bytes(data.replace(old, new, 1))

    return change


def appended(name: str, data: bytes) -> Change:
    """Return a change that appends bytes to a file."""

    def change(folder: Path, _other: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes() + data)

    return change


def of_other(*names: str) -> Change:
    """Return a change that takes files of the other export."""

    def change(folder: Path, other: Path) -> None:
        for name in names:
            shutil.copy(other / name, folder / name)

    return change


def cut_file(name: str, end: int) -> Change:
    """Return a change that cuts bytes off the end of a file."""

    def change(folder: Path, _other: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:-end])

    return change


def swap_texts(folder: Path, _other: Path) -> None:
    """Give two events each other's texts."""
    lines = [json.loads(line) for line in (folder / "texts.jsonl").read_bytes().splitlines()]
    for key in ("salt", "value"):
        lines[0][key], lines[1][key] = lines[1][key], lines[0][key]
    (folder / "texts.jsonl").write_bytes(b"".join(canonical(line) + b"\n" for line in lines))


def swap_fields(folder: Path, _other: Path) -> None:
    """Let two events have each other's actors."""
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_bytes().splitlines()]
    one, two = lines[0]["event"], lines[2]["event"]
    one["actor"], two["actor"] = two["actor"], one["actor"]
    (folder / "events.jsonl").write_bytes(b"".join(canonical(line) + b"\n" for line in lines))


def swap_places(folder: Path, _other: Path) -> None:
    """Exchange the numbers of two events."""
    data = (folder / "events.jsonl").read_bytes()
    data = data.replace(b'"seq":1,', b'"seq":X,').replace(b'"seq":2,', b'"seq":1,').replace(b'"seq":X,', b'"seq":2,')
    (folder / "events.jsonl").write_bytes(data)


def call_erased(folder: Path, _other: Path) -> None:
    """Say that a text was erased."""
    lines = [json.loads(line) for line in (folder / "texts.jsonl").read_bytes().splitlines()]
    lines[0] = {"erased": True, "place": lines[0]["place"], "seq": lines[0]["seq"]}
    (folder / "texts.jsonl").write_bytes(b"".join(canonical(line) + b"\n" for line in lines))


def decompose(folder: Path, _other: Path) -> None:
    """Write a text in another normal form of Unicode."""
    path = folder / "texts.jsonl"
    path.write_text(unicodedata.normalize("NFD", path.read_text(encoding="utf-8")), encoding="utf-8")


def checkpoint_of_another_log(folder: Path, _other: Path) -> None:
    """Put the tree under another name, signed by a key of that name."""
    _, size, root = split_note((folder / "checkpoint").read_bytes())[0].decode().splitlines()
    other = new_signer("another.example/log")
    text = checkpoint_text(other.name, int(size), base64.b64decode(root))
    (folder / "checkpoint").write_bytes(sign_note(text, [other]))


def signature_of_the_manifest(folder: Path, _other: Path) -> None:
    """Put the signature of the manifest under the checkpoint."""
    _, signature = (folder / "manifest.note").read_bytes().split(b"\n\n")
    text, _ = (folder / "checkpoint").read_bytes().split(b"\n\n")
    (folder / "checkpoint").write_bytes(text + b"\n\n" + signature)


def downgrade(folder: Path, _other: Path) -> None:
    """Say that the export is of the format before texts had an annex, and leave the annex out."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["format"] = "custody-audit-export/4"
    del manifest["files"]["texts.jsonl"], manifest["texts"]
    (folder / "manifest.json").write_text(json.dumps(manifest, sort_keys=True, indent=2, ensure_ascii=False) + "\n")
    (folder / "texts.jsonl").unlink()


def empty(folder: Path, _other: Path) -> None:
    """Remove all files."""
    for path in folder.iterdir():
        path.unlink()


def link(folder: Path, other: Path) -> None:
    """Put a link in the place of a file."""
    (folder / "events.jsonl").unlink()
    (folder / "events.jsonl").symlink_to(other / "events.jsonl")


def pipe(folder: Path, _other: Path) -> None:
    """Put a pipe in the place of a file, at which a reader would wait."""
    (folder / "events.csv").unlink()
    os.mkfifo(folder / "events.csv")


def subfolder(folder: Path, _other: Path) -> None:
    """Move a file into a folder."""
    (folder / "more").mkdir()
    (folder / "events.csv").rename(folder / "more" / "events.csv")


# --- the zip file ----------------------------------------------------------------------------------------------------


def added(name: str, data: bytes = b"trust me") -> ZipChange:
    """Return a change that adds a member to the zip file."""

    def change(path: Path) -> None:
        with zipfile.ZipFile(path, "a") as package:
            package.writestr(name, data)

    return change


def twice(path: Path) -> None:
    """Add a member a second time, with other content."""
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("events.jsonl", b"")


def rename_local(path: Path) -> None:
    """Give a member another name in front of its bytes than in the directory of the zip file."""
    data = path.read_bytes()
    at = data.index(b"events.csv")
    path.write_bytes(data[:at] + b"events.cvs" + data[at + 10 :])


def set_flags(offset: int, value: int) -> ZipChange:
    """Return a change of two bytes of the first member in the directory of the zip file."""

    def change(path: Path) -> None:
        data = bytearray(path.read_bytes())
        at = data.index(b"PK\x01\x02") + offset
        data[at : at + 2] = struct.pack("<H", value)
        path.write_bytes(bytes(data))

    return change


def hide_bytes(path: Path) -> None:
    """Put bytes between the last member and the directory of the zip file."""
    data, hidden = path.read_bytes(), b"hidden"
    at = data.index(b"PK\x01\x02")
    end = bytearray(data[at:])
    place = end.rindex(b"PK\x05\x06") + 16
    end[place : place + 4] = struct.pack("<I", at + len(hidden))
    path.write_bytes(data[:at] + hidden + bytes(end))


def hide_in_front(path: Path) -> None:
    """Leave out the first member in the directory of the zip file; its bytes stay."""
    with zipfile.ZipFile(path) as package:
        members = {name: package.read(name) for name in package.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("secret", b"x" * 100)
        for name, data in members.items():
            package.writestr(name, data)
        del package.NameToInfo["secret"]
        package.filelist = package.filelist[1:]


def cut_zip(path: Path) -> None:
    """Cut off the end of the zip file."""
    path.write_bytes(path.read_bytes()[:-30])


def bomb(path: Path) -> None:
    """Let a member be far longer than the manifest says."""
    with zipfile.ZipFile(path) as package:
        members = {name: package.read(name) for name in package.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in members.items():
            package.writestr(name, data + bytes(50_000_000) if name == "events.csv" else data)


def damage_leaves(path: Path) -> None:
    """Change a byte of the compressed hashes, so that the zip file itself cannot read them."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as package:
        info = package.getinfo("leaf_hashes.bin")
    data[info.header_offset + 30 + len(info.filename) + 20 + 20] ^= 0xFF
    path.write_bytes(bytes(data))
