"""Rules for the URLs of webhooks and for the network addresses that they may connect to."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from core.errors import InvalidInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORTS = {"https": 443, "http": 80}
_MAX_URL = 2048
_PLAIN = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Metadata services of clouds, which return credentials: never allowed, like link-local addresses.
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192")))


class AddressRefused(Exception):
    """The receiver is at an address to which deliveries are not allowed."""


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL."""

    scheme: str
    host: str
    port: int
    path: str


def check_url(url: str, *, private: bool) -> str:
    """Return the URL. Raises InvalidInput where a webhook may not have it: by its scheme, its form or its address.

    ``private`` tells whether private and loopback addresses are allowed, here and in the other functions. The address
    of a name is checked when something is sent.
    """
    target = split_url(url)
    try:
        literal = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        literal = []  # a name
    try:
        if not literal and _is_local_name(target.host):
            require_allowed(ipaddress.ip_address("127.0.0.1"), private=private)
        for entry in literal:
            require_allowed(address_of(str(entry[4][0])), private=private)
    except AddressRefused as error:
        raise InvalidInput(f"Invalid webhook URL: {error}") from error
    return url


def _require_text(url: str) -> None:
    if not url.strip():
        raise InvalidInput("Webhook URL cannot be empty or just whitespace.")
    if len(url) > _MAX_URL:
        raise InvalidInput(f"A webhook URL can have at most {_MAX_URL} characters.")


def split_url(url: str) -> Target:
    """Return the parts of a URL. Raises InvalidInput where it is not a plain http or https URL."""
    _require_text(url)
    schemes = ["https", "http"] if settings.WEBHOOK_ALLOW_HTTP else ["https"]
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput("Invalid webhook URL: it cannot be read.") from error
    if parts.scheme not in schemes:
        raise InvalidInput(
            f"Invalid webhook URL scheme: {parts.scheme[:20]!r}. Allowed schemes are: {', '.join(schemes)}."
        )
    if not _PLAIN.fullmatch(url) or "\\" in url:
        raise InvalidInput("Invalid webhook URL: spaces, control and non-ASCII characters must be percent-encoded.")
    if "@" in parts.netloc:
        raise InvalidInput("Invalid webhook URL: it must not contain a user name or password.")
    host = parts.hostname or ""
    if not _HOST.fullmatch(f"[{host}]" if ":" in host else host):
        raise InvalidInput("Invalid webhook URL: it must include a hostname.")
    if port == 0 or parts.fragment:
        raise InvalidInput("Invalid webhook URL: it must have neither port 0 nor a fragment.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def resolve(target: Target, *, private: bool) -> list[tuple[int, tuple[str, int]]]:
    """Return the pairs of family and address to connect to, in order.

    Raises AddressRefused where one address of the name is not allowed, OSError where the name is unknown.
    """
    entries = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    for entry in entries:
        require_allowed(address_of(str(entry[4][0])), private=private)
    return [(int(entry[0]), (str(entry[4][0]), target.port)) for entry in entries]


def require_allowed(address: Address, *, private: bool) -> None:
    """Raise AddressRefused for an address to which deliveries are not allowed."""
    inner = _embedded(address)
    if {address, inner} & _METADATA or _is_never_allowed(inner):
        raise AddressRefused("its host is at an address to which deliveries are never sent.")
    if not is_public(address) and not private:
        raise AddressRefused("its host is at an address that is not public.")


def is_public(address: Address) -> bool:
    """Return whether the address can be reached from the internet."""
    inner = _embedded(address)
    return inner.is_global and not inner.is_multicast and not _is_never_allowed(inner)


def address_of(text: str) -> Address:
    """Return an address that `getaddrinfo` gives as text, without the scope of a link-local address."""
    return ipaddress.ip_address(text.partition("%")[0])


def _is_never_allowed(address: Address) -> bool:
    return address.is_link_local or address.is_multicast or address.is_unspecified or _is_reserved(address)


def _is_reserved(address: Address) -> bool:
    # Python counts the IPv6 loopback as reserved, and the deprecated site-local fec0::/10 as global.
    is_site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return is_site_local or (address.is_reserved and not address.is_loopback)


def _embedded(address: Address) -> Address:
    """Return the IPv4 address in an IPv6 address (mapped, 6to4, Teredo, NAT64), else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address


def _is_local_name(host: str) -> bool:
    name = host.rstrip(".").lower()
    return name in _LOCAL_NAMES or name.endswith(".localhost")
