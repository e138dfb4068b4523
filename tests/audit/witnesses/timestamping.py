"""A time stamping authority made with openssl, behind HTTP."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

OPENSSL = shutil.which("openssl") or "openssl"
_CONFIG = """
[tsa]
default_tsa = config
[config]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class Authority:
    """A folder with a root certificate and a certificate for time stamps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder))
        (folder / "usage").write_text("extendedKeyUsage=critical,timeStamping\n")
        root = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Root")
        self._openssl("req", *root, "-keyout", "root.key", "-out", "root.pem")
        asked = ("-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Time")
        self._openssl("req", *asked, "-keyout", "tsa.key", "-out", "tsa.csr")
        given = ("-CA", "root.pem", "-CAkey", "root.key", "-set_serial", "2", "-days", "30", "-extfile", "usage")
        self._openssl("x509", "-req", "-in", "tsa.csr", *given, "-out", "tsa.pem")

    @property
    def roots(self) -> Path:
        """Return the file of the root certificate."""
        return self.folder / "root.pem"

    def chain(self) -> tuple[bytes, bytes]:
        """Return the certificate that stamps and the root certificate, in DER."""
        return self._der("tsa.pem"), self._der("root.pem")

    def answer(self, query: bytes) -> bytes:
        """Return the stamp for a query."""
        (self.folder / "query").write_bytes(query)
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    def verifies(self, data: Path, stamp: Path) -> bool:
        """Return whether openssl takes a stamp for the stamp of a file."""
        said = ("ts", "-verify", "-data", str(data), "-in", str(stamp), "-CAfile", "root.pem")
        done = subprocess.run([OPENSSL, *said], cwd=self.folder, capture_output=True, check=False)
        return done.returncode == 0

    def _der(self, name: str) -> bytes:
        return load_pem_x509_certificate((self.folder / name).read_bytes()).public_bytes(Encoding.DER)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run([OPENSSL, *arguments], cwd=self.folder, capture_output=True, check=True)


def receiver(answers: type[BaseHTTPRequestHandler]) -> AbstractContextManager[str]:
    """Run a server with a handler and yield `host:port`."""
    return running(ThreadingHTTPServer(("127.0.0.1", 0), answers))


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[str]:
    """Run a server and yield `host:port`."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def handler(kind: str, status: int, answer: object) -> type[BaseHTTPRequestHandler]:
    """Return a handler that answers each POST with what ``answer`` makes of its body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert callable(answer)
            body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Write no line for each request."""

    return Handler
