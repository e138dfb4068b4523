"""The address is the one that was checked, the certificate must still be for the name."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.webhooks.receiver import Receiver
from webhooks import transport
from webhooks.addresses import split_url
from webhooks.transport import post

NAME = "hooks.example.test"


def certificate(folder: Path) -> Path:
    """Return a file with a key and a certificate for NAME that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "receiver.pem"
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that speaks TLS as NAME, whose certificate is trusted, and whose name means this machine."""
    pem = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    trusting = ssl.create_default_context(cafile=str(pem))
    monkeypatch.setattr(transport, "_tls", lambda: trusting)
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, port, **more: real("127.0.0.1", port, **more))
    receiver = Receiver(context=context)
    yield receiver
    receiver.close()


def test_name_and_certificate_agree(secure: Receiver) -> None:
    assert post(secure.url(host=NAME, scheme="https"), b"{}", {}, timeout=10, private=True).status == 200
    assert secure.hits[0].headers["host"] == f"{NAME}:{secure.port}"


def test_a_certificate_for_another_name_is_refused(secure: Receiver) -> None:
    answer = post(secure.url(host="other.example.test", scheme="https"), b"{}", {}, timeout=10, private=True)
    assert answer.status is None
    assert "certificate is not trusted" in answer.error
    assert secure.hits == []


def test_a_certificate_nobody_vouches_for_is_refused(secure: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_tls", ssl.create_default_context)
    assert (
        "certificate is not trusted"
        in post(secure.url(host=NAME, scheme="https"), b"{}", {}, timeout=10, private=True).error
    )
    assert secure.hits == []


def test_a_receiver_without_tls_is_told_in_words(receiver: Receiver) -> None:
    answer: Any = post(receiver.url(scheme="https"), b"{}", {}, timeout=10, private=True)
    assert answer.error.startswith("TLS failed")
    assert receiver.hits == []


def test_the_host_header_names_no_port_that_goes_without_saying(monkeypatch: pytest.MonkeyPatch) -> None:
    target = split_url("https://hooks.example.test/x")
    connection = transport._Connection(target, [], 1)
    sent: list[bytes] = []
    monkeypatch.setattr(connection, "send", sent.append)
    connection.request("POST", "/x", b"{}")
    assert b"\r\nHost: hooks.example.test\r\n" in sent[0]
