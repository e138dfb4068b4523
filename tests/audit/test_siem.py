"""Events reach a SIEM in the order of the log, at least once, over syslog and HTTP, as JSON and CEF."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pytest_django import Settings

from audit.models import Leaf, SiemState
from audit.siem.service import send_events, siem_states
from audit.siem.targets import target_of
from audit.transparency.entries import entry_bytes
from audit.transparency.sequencer import Sequencer
from audit.verifier.audit_verify import canonical


class Collector(HTTPServer):
    """An HTTP collector: it keeps bodies, and answers with ``status``."""

    status = 200

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)
        self.end_headers()
        if self.server.status == 200:
            self.server.bodies.append(body)

    def log_message(self, *_arguments: object) -> None:
        """Write nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_events_arrive_in_order_and_once(log: None, collector: Collector, settings: Settings) -> None:
    settings.SIEM = [f"http://127.0.0.1:{collector.server_port}/in"]
    Sequencer().run_once()
    assert (send_events(), send_events()) == (5, 0)
    lines = [json.loads(line) for line in collector.bodies[0].splitlines()]
    assert [line["seq"] for line in lines] == [0, 1, 2, 3, 4]
    assert [[*line.pop("names").values()] for line in lines] == [["ada"], ["ada"], ["bea"], ["bea"], ["ada"]]
    texts = [[*line.pop("texts", {}).values()] for line in lines]
    assert texts == [[], [], ["-2 points\nbut faster “é”"], [], ["No."]]
    leaves = Leaf.objects.select_related("event").order_by("seq")
    entries = [entry_bytes(bytes(row.event.body), gen=row.gen, seq=row.seq, stream=row.stream) for row in leaves]
    assert [canonical(line) for line in lines] == entries
    assert siem_states()[0][1] == 0


def test_what_is_not_taken_is_sent_again(log: None, collector: Collector, settings: Settings) -> None:
    settings.SIEM = [f"http://127.0.0.1:{collector.server_port}/in"]
    collector.status = 503
    Sequencer().run_once()
    assert send_events() == 0
    state, lacks = siem_states()[0]
    assert (lacks, "503" in state.problem) == (5, True)
    collector.status = 200
    assert send_events() == 5
    assert SiemState.objects.get().problem == ""


def test_cef_has_one_line_an_event(log: None, collector: Collector, settings: Settings) -> None:
    settings.SIEM = [f"http://127.0.0.1:{collector.server_port}/in?format=cef"]
    Sequencer().run_once()
    send_events()
    lines = collector.bodies[0].decode().splitlines()
    assert len(lines) == 5
    assert all(line.startswith("CEF:0|Custody|Custody|") for line in lines)
    assert "outcome=failure" in lines[4]
    assert "suser=bea" in lines[2]
    assert "saying “-2 points but faster “é””" in lines[2]


def test_syslog_over_tcp_counts_its_messages(log: None, settings: Settings) -> None:
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def receive() -> None:
            connection, _ = server.accept()
            with connection:
                while data := connection.recv(65536):
                    received.append(data)

        thread = threading.Thread(target=receive)
        thread.start()
        settings.SIEM = [f"syslog+tcp://127.0.0.1:{server.getsockname()[1]}"]
        Sequencer().run_once()
        assert send_events() == 5
        thread.join()
    data, messages = b"".join(received), []
    while data:
        length, _, data = data.partition(b" ")
        messages.append(data[: int(length)])
        data = data[int(length) :]
    assert [message.split(b" ")[0] for message in messages] == [b"<110>1"] * 4 + [b"<108>1"]


@pytest.mark.parametrize("address", ["ftp://x", "https://", "http://x?format=xml", "syslog:514", "http://x?a=b"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"is no target"):
        target_of(address)
