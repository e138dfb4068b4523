"""A webhook is no way into the network: what may be in its URL, and what is connected to."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from core.errors import InvalidInput
from tests.webhooks.receiver import Receiver, flood, hang_up, talk_nonsense, trickle
from webhooks.addresses import check_url, is_public
from webhooks.transport import post

Resolve = Callable[..., list[str]]

REFUSED = [
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f.0.0.1/", "http://0177.0.0.1/",
    "http://0.0.0.0/", "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/", "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[fe80::1]/",
    "http://[fc00::1]/", "http://[fec0::1]/", "http://[ff02::1]/", "http://[::127.0.0.1]/", "http://224.0.0.1/",
    "http://255.255.255.255/", "http://240.0.0.1/", "http://localhost/", "http://LOCALHOST./", "http://a.localhost/",
    "http://100.100.100.200/", "http://[fd00:ec2::254]/", "http://192.0.2.1/", "http://198.18.0.1/",
]  # fmt: skip
NEVER = ["http://169.254.169.254/", "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://100.100.100.200/",
         "http://0.0.0.0/", "http://224.0.0.1/", "http://[ff02::1]/", "http://[::ffff:169.254.169.254]/"]  # fmt: skip
UNREADABLE = [
    "", " ", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/", "example.com",
    "https://", "https:///x", "https://user:pw@example.com/", "https://example.com:0/", "https://example.com:99999/",
    "https://example.com/ x", "https://example.com/\r\nX: y", "https://exämple.com/", "https://example.com\\@10.0.0.1/",
    "https://example.com/#x", "https://[::1/", "https://exa mple.com/", "https://example.com/\x00", "javascript:alert(1)",
    "https://" + "a" * 3000 + ".com/", "https://%31%32%37.0.0.1/",
]  # fmt: skip


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Return a function that says what a name means, look-up by look-up; it returns the list of look-ups made."""

    def say(name: str, *answers: list[str]) -> list[str]:
        real, asked = socket.getaddrinfo, list[str]()
        left = list(answers)

        def look_up(host: str, port: int, *args: Any, **more: Any) -> Any:
            if host != name or more.get("flags") == socket.AI_NUMERICHOST:
                return real(host, port, *args, **more)
            asked.append(host)
            addresses = left.pop(0) if len(left) > 1 else left[0]
            return [found for address in addresses for found in real(address, port, type=socket.SOCK_STREAM)]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return say


@pytest.mark.parametrize("url", REFUSED)
def test_addresses_that_are_not_public_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid webhook URL"):
        check_url(url, private=False)


@pytest.mark.parametrize("url", NEVER)
def test_some_addresses_are_refused_whatever_is_allowed(url: str) -> None:
    with pytest.raises(InvalidInput, match="never sent"):
        check_url(url, private=True)
    answer = post(url, b"{}", {}, timeout=10, private=True)
    assert (answer.status, answer.refused) == (None, True)


@pytest.mark.parametrize("url", UNREADABLE)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url, private=True)


@given(st.text())
def test_any_text_is_a_url_or_a_clear_refusal(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com{text}"):
        with suppress(InvalidInput):
            assert check_url(url, private=True) == url


@pytest.mark.parametrize("url", ["https://example.com", "https://8.8.8.8:8443/a?b=c", "https://[2606:4700::1]/x"])
def test_public_addresses_and_names_are_taken(url: str) -> None:
    assert check_url(url, private=False) == url


def test_plain_http_takes_a_setting(settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_HTTP = False
    with pytest.raises(InvalidInput, match=r"scheme: 'http'\. Allowed schemes are: https\."):
        check_url("http://example.com/", private=True)
    assert post("http://example.com/", b"", {}, timeout=10, private=True).refused


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_in_ipv6_clothes(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for wrapped in (0xFFFF << 32 | number, (0x64FF9B << 96) | number, (0x2002 << 112) | (number << 80)):
        assert is_public(ipaddress.IPv6Address(wrapped)) == is_public(address)


def test_a_name_that_means_this_machine_is_refused_at_the_connection(receiver: Receiver, dns: Resolve) -> None:
    url = receiver.url(host="hooks.example.test")
    dns("hooks.example.test", ["127.0.0.1"])
    assert check_url(url, private=False) == url  # nothing is looked up before something is sent
    answer = post(url, b"{}", {}, timeout=10, private=False)
    assert (answer.status, answer.refused, receiver.hits) == (None, True, [])
    assert "127." not in answer.error


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.7", "::1", "::ffff:10.0.0.7"])
def test_a_name_that_is_half_inside_is_refused_as_a_whole(dns: Resolve, inside: str) -> None:
    dns("hooks.example.test", ["8.8.8.8", inside])
    assert post("http://hooks.example.test/", b"{}", {}, timeout=10, private=False).refused


def test_a_name_is_looked_up_once_and_that_address_is_used(
    receiver: Receiver, dns: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = dns("hooks.example.test", ["93.184.216.34"], ["127.0.0.1"])  # rebinding: public first, then this machine
    reached = []

    def connect(_self: socket.socket, address: Any) -> None:
        reached.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    answer = post(receiver.url(host="hooks.example.test"), b"{}", {}, timeout=10, private=False)
    assert (asked, reached) == (["hooks.example.test"], [("93.184.216.34", receiver.port)])
    assert answer.error == "The receiver refused the connection."


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [302], {"Location": receiver.url("/inside")}
    assert post(receiver.url(), b"{}", {}, timeout=10, private=True).status == 302
    assert [hit.path for hit in receiver.hits] == ["/hook"]


def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post(receiver.url(), b"{}", {}, timeout=10, private=True).status == 200


def test_the_answer_of_a_private_receiver_is_not_kept(receiver: Receiver) -> None:
    answer = post(receiver.url("/a?b=c"), b"{}", {}, timeout=10, private=True)
    assert (answer.status, answer.body) == (200, "")
    assert receiver.hits[0].path == "/a?b=c"
    assert receiver.hits[0].headers["host"] == f"127.0.0.1:{receiver.port}"


def test_the_second_address_of_a_name_is_tried(receiver: Receiver, dns: Resolve) -> None:
    dns("hooks.example.test", ["127.0.0.2", "127.0.0.1"])  # nothing listens on the first
    assert post(receiver.url(host="hooks.example.test"), b"{}", {}, timeout=10, private=True).status == 200
    assert receiver.hits[0].headers["host"] == f"hooks.example.test:{receiver.port}"


@pytest.mark.parametrize(
    ("talk", "timeout", "error"),
    [
        (hang_up, 10, "The connection to the receiver failed."),
        (trickle, 0.4, "No answer within 0.4 seconds."),
        (talk_nonsense, 10, "The receiver did not answer in HTTP."),
    ],
)
def test_bad_manners_are_told_in_words(receiver: Receiver, talk: Any, timeout: float, error: str) -> None:
    receiver.answers = [talk]
    began = time.monotonic()
    answer = post(receiver.url(), b"{}", {}, timeout=timeout, private=True)
    assert (answer.status, answer.error, answer.refused) == (None, error, False)
    assert time.monotonic() - began < 15


def test_an_endless_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.answers = [flood]
    assert post(receiver.url(), b"{}", {}, timeout=5, private=True).status == 200


def test_a_name_that_means_nothing_is_told_so() -> None:
    answer = post("https://nothing.invalid/", b"{}", {}, timeout=10, private=True)
    assert (answer.error, answer.refused) == ("The name of the receiver cannot be resolved.", False)


@pytest.mark.parametrize("url", ["", "   "])
def test_no_address_at_all_is_said_to_be_none(url: str) -> None:
    with pytest.raises(InvalidInput, match="Webhook URL cannot be empty or just whitespace"):
        check_url(url, private=False)
