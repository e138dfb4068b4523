"""`manage.py audit_witness`: runs a witness for the audit logs of others. It needs no database."""

from __future__ import annotations

import secrets
import signal
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from audit.verifier.audit_verify import BadNote, parse_vkey
from audit.witnesses.cosignatures import Cosigner
from audit.witnesses.server import WitnessStore, serve


class Command(BaseCommand):
    """`manage.py audit_witness`: see `--help`."""

    help = "Cosign each checkpoint of the named audit logs that extends the last cosigned one, until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--log", action="append", required=True, metavar="VKEY", help="a public key of a log")
        parser.add_argument(
            "--state", type=Path, required=True, help="the folder of the key and of the cosigned checkpoints"
        )
        parser.add_argument("--name", required=True, help="the name of the witness, such as audit.example/witness")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8089, help="port to listen on (default 8089)")

    def handle(self, *, log: list[str], state: Path, name: str, host: str, port: int, **_options: object) -> None:
        """Serve until a stop signal. Raises CommandError for a key that cannot be read."""
        try:
            logs = [parse_vkey(text) for text in log]
            cosigner = Cosigner(name, _seed(state))
        except (BadNote, OSError) as error:
            raise CommandError(str(error)) from error
        server = serve(WitnessStore(state, cosigner, logs), host, port)
        signal.signal(signal.SIGTERM, _stop)
        self.stdout.write(f"CUSTODY_WITNESSES=http://{host}:{server.server_port}#{cosigner.vkey}")
        self.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()


def _stop(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _seed(folder: Path) -> bytes:
    """Return the private key of the witness, made at the first start and readable by its owner only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    seed = path.read_bytes()
    if len(seed) != 32:  # noqa: PLR2004 - Ed25519
        raise BadNote(f"{path} is no key of 32 bytes")
    return seed
