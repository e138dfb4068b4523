"""The server of a witness: it stores the newest checkpoint of each log, and cosigns checkpoints that extend it.

The protocol is c2sp.org/tlog-witness. People who do not run the log run this server (`manage.py audit_witness`).
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from audit.transparency.proofs import BadProof, check_consistency
from audit.transparency.tiles import write_durably
from audit.verifier.audit_verify import (
    BadNote,
    Checkpoint,
    Key,
    decode_base64,
    open_checkpoint,
    parse_checkpoint,
    root_of,
    split_note,
)
from audit.witnesses.cosignatures import Cosigner
from core.ids import whole_number

_LARGEST_BODY = 64 * 1024
_MOST_HASHES = 63


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, content type and body of an answer."""

    status: HTTPStatus
    body: bytes
    kind: str = "text/plain; charset=utf-8"


class WitnessStore:
    """The cosigned checkpoints of a witness, one file for each log in a folder.

    A size is stored before its cosignature is given.
    """

    def __init__(self, folder: Path, cosigner: Cosigner, logs: list[Key]) -> None:
        self._folder, self._cosigner, self._logs = folder, cosigner, logs
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a submission with a cosignature, where the checkpoint extends the stored one."""
        try:
            old, proof, note = _parse(body)
        except (BadNote, ValueError) as error:
            return Answer(HTTPStatus.BAD_REQUEST, f"{error}\n".encode())
        origin = note.split(b"\n", 1)[0].decode("utf-8", "replace")
        if origin not in {key.name for key in self._logs}:
            return Answer(HTTPStatus.NOT_FOUND, b"This log is not known here.\n")
        try:
            checkpoint = open_checkpoint(note, self._logs)
        except BadNote as error:
            return Answer(HTTPStatus.FORBIDDEN, f"{error}\n".encode())
        if old > checkpoint.size:
            return Answer(HTTPStatus.BAD_REQUEST, b"The old size is larger than that of the checkpoint.\n")
        with self._lock:
            return self._extend(old, proof, checkpoint)

    def _extend(self, old: int, proof: list[bytes], checkpoint: Checkpoint) -> Answer:
        held = self.held(checkpoint.origin)
        size, root = (held.size, held.root) if held else (0, root_of([]))
        if old != size:
            return Answer(HTTPStatus.CONFLICT, f"{size}\n".encode(), "text/x.tlog.size")
        try:
            check_consistency(size, root, checkpoint.size, checkpoint.root, proof)
        except BadProof as error:
            return Answer(HTTPStatus.UNPROCESSABLE_ENTITY, f"{error}\n".encode())
        line = self._cosigner.line(split_note(checkpoint.note)[0], int(time.time()))
        stored = {"note": checkpoint.note.decode(), "cosignature": line.decode()}
        write_durably(self._path(checkpoint.origin), json.dumps(stored).encode())
        return Answer(HTTPStatus.OK, line)

    def held(self, origin: str) -> Checkpoint | None:
        """Return the newest checkpoint that was cosigned for a log."""
        path = self._path(origin)
        if not path.exists():
            return None
        note = json.loads(path.read_bytes())["note"].encode()
        return parse_checkpoint(split_note(note)[0], note)

    def cosigned(self, digest: str) -> bytes | None:
        """Return the newest cosigned checkpoint of the log whose name has this SHA-256 (hex), None for none."""
        path = self._folder / f"{digest}.json"
        if digest not in {_digest(key.name) for key in self._logs} or not path.exists():
            return None
        stored = json.loads(path.read_bytes())
        return bytes((stored["note"] + stored["cosignature"]).encode())

    def _path(self, origin: str) -> Path:
        return self._folder / f"{_digest(origin)}.json"


def serve(store: WitnessStore, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server for the witness, which the caller runs."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            length = whole_number(self.headers.get("Content-Length", ""))
            if self.path.rstrip("/") != "/add-checkpoint":
                self._answer(Answer(HTTPStatus.NOT_FOUND, b"There is no such address.\n"))
            elif length is None or length > _LARGEST_BODY:
                self._answer(Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"The body is too large.\n"))
            else:
                self._answer(store.add_checkpoint(self.rfile.read(length)))

        def do_GET(self) -> None:
            digest = self.path.removesuffix("/checkpoint").strip("/")
            note = store.cosigned(digest) if self.path.endswith("/checkpoint") else None
            self._answer(
                Answer(HTTPStatus.OK, note) if note else Answer(HTTPStatus.NOT_FOUND, b"There is no such checkpoint.\n")
            )

        def _answer(self, answer: Answer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_arguments: object) -> None:
            """Write no line for each request."""

    return ThreadingHTTPServer((host, port), Handler)


def _parse(body: bytes) -> tuple[int, list[bytes], bytes]:
    head, separator, note = body.partition(b"\n\n")
    lines = head.decode("ascii").split("\n")
    size = whole_number(lines[0].removeprefix("old "))
    if not separator or size is None or lines[0] != f"old {size}":
        raise ValueError("the submission does not begin with the old size")
    if len(lines) > _MOST_HASHES + 1:
        raise ValueError("the proof is too long")
    proof = [decode_base64(line) for line in lines[1:]]
    if any(len(value) != 32 for value in proof):  # noqa: PLR2004 - SHA-256
        raise ValueError("the proof holds something else than hashes")
    return size, proof, note


def _digest(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()
