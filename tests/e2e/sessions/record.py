"""Records what an MLflow client sends and a real server answers: `record.py SERVER_URL CLIENT_PYTHON OUTPUT.json`.

    for v in 2.9.2 2.22.0 3.17.2 3.18.0
        do python -m venv /tmp/$v; /tmp/$v/bin/pip install mlflow==$v "setuptools<81"; done
    mlflow server --port 5999 --backend-store-uri sqlite:////tmp/rec.db --artifacts-destination /tmp/rec-files
    python tests/e2e/sessions/record.py http://127.0.0.1:5999 /tmp/2.9.2/bin/python tests/e2e/sessions/2.9.2.json

A server with an empty database for each recording. Bodies that are not JSON are kept as base64.
"""

import base64
import http.client
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

_KEPT = ("Content-Type", "Content-Encoding", "X-MLflow-Experiment-Id")
calls: list[dict[str, object]] = []
lock = threading.Lock()


def readable(body: bytes, kind: str | None) -> object:
    """Return a body as JSON where that is its type, else as base64 under `base64`; None for none."""
    if not body:
        return None
    if (kind or "").startswith("application/json"):
        return json.loads(body)
    return {"base64": base64.b64encode(body).decode()}  # a file may be JSON: its very bytes count


def handler_for(server: str) -> type[BaseHTTPRequestHandler]:
    """Return a handler that passes requests on to a server and keeps both sides."""

    class Recorder(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            away = http.client.HTTPConnection(urlsplit(server).netloc, timeout=60)
            passed = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            away.request(self.command, self.path, body, passed)
            answer = away.getresponse()
            text = answer.read()
            with lock:
                calls.append(
                    {
                        "method": self.command,
                        "path": self.path,
                        "headers": {name: self.headers[name] for name in _KEPT if self.headers.get(name)},
                        "body": readable(body, self.headers.get("Content-Type")),
                        "status": answer.status,
                        "answer": readable(text, answer.getheader("Content-Type")),
                    }
                )
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "content-length", "connection", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
        setattr(Recorder, f"do_{method}", Recorder.handle_any)  # the names that http.server looks for
    return Recorder


def main(server: str, python: str, output: str) -> None:
    """Run the session with a client through a recording proxy and write what went over the wire."""
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(server))
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{proxy.server_port}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "LOGNAME": "ada",
    }
    subprocess.run([python, str(Path(__file__).with_name("session.py"))], env=environment, check=True)
    lines = ",\n".join(json.dumps(call, ensure_ascii=False, sort_keys=True) for call in calls)
    Path(output).write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
