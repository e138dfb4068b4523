"""Tests reach this machine alone."""

from __future__ import annotations

import socket

import pytest


def test_another_host_cannot_be_reached() -> None:
    """pytest-socket warns before it raises, and warnings are errors here."""
    with (
        socket.socket() as connection,
        pytest.raises(UserWarning, match=r"tried to use .* with host .192\.0\.2\.1"),
    ):
        connection.connect(("192.0.2.1", 80))


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as connection:
        assert connection.getpeername() == server.getsockname()
