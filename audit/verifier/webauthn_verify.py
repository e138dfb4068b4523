"""Verify what a passkey signed (WebAuthn), with the standard library alone. Python 3.9 or newer.

`check_assertion` needs the statement, the parts of the assertion, and the public key that the caller trusts. Nothing of
the server's own checks is used. Needs audit_verify.py beside it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

if __package__:
    from audit.verifier.audit_verify import canonical, ed25519_verify
else:
    from audit_verify import canonical, ed25519_verify  # type: ignore[import-not-found,no-redef]  # beside this file

PRESENT, VERIFIED = 0x01, 0x04
ES256, EDDSA, RS256 = -7, -8, -257
_FEWEST_DATA = 37  # hash of the host name, flags, sign count
_FEWEST_RSA_BITS = 2048
_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


class BadAssertion(ValueError):
    """An assertion, or a public key, that cannot be read or does not verify. The message says why."""


class Assertion(NamedTuple):
    """A verified assertion: the page that asked for it and its sign count."""

    origin: str
    sign_count: int


def check_assertion(passkey: Mapping[str, Any], public_key: bytes, rp_id: str) -> Assertion:
    """Return a verified assertion. ``passkey`` has `statement`, `authenticator_data`, `client_data`, `signature`.

    ``public_key`` (COSE) is the one that the caller trusts, ``rp_id`` the host name that the passkey belongs to. Raises
    BadAssertion.
    """
    data, client = decode(passkey.get("authenticator_data")), decode(passkey.get("client_data"))
    origin = _check_client_data(client, passkey.get("statement"), rp_id)
    if len(data) < _FEWEST_DATA or data[:32] != hashlib.sha256(rp_id.encode()).digest():
        raise BadAssertion(f"it is not of a passkey of {rp_id}")
    flags = data[32]
    if not flags & PRESENT or not flags & VERIFIED:
        raise BadAssertion("the device did not verify the person")
    signed = data + hashlib.sha256(client).digest()
    if not verify_cose(public_key, decode(passkey.get("signature")), signed):
        raise BadAssertion("the signature is not of this key")
    return Assertion(origin, int.from_bytes(data[33:37], "big"))


def decode(text: Any) -> bytes:
    """Return the bytes of base64url without padding. Raises BadAssertion for anything else."""
    if not isinstance(text, str):
        raise BadAssertion("a part of the assertion is missing")
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise BadAssertion("a part of the assertion is not base64url") from error
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise BadAssertion("a part of the assertion is not canonical base64url")
    return data


def host_of(passkey: Mapping[str, Any]) -> str:
    """Return the host of the page that asked for a signature, unverified. Raises BadAssertion."""
    try:
        origin = str(json.loads(decode(passkey.get("client_data")))["origin"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadAssertion("its client data cannot be read") from error
    return origin.partition("://")[2].partition(":")[0]


def _check_client_data(client: bytes, statement: Any, rp_id: str) -> str:
    """Return the origin of the page that asked. Raises BadAssertion: another challenge, or a page of another host."""
    try:
        values = json.loads(client.decode("utf-8"), object_pairs_hook=_unique)
    except ValueError as error:
        raise BadAssertion("its client data cannot be read") from error
    if not isinstance(values, dict) or values.get("type") != "webauthn.get" or values.get("crossOrigin") is True:
        raise BadAssertion("its client data is not that of a signature on a page of its own")
    if not isinstance(statement, dict):
        raise BadAssertion("its statement is missing")
    digest = hashlib.sha256(canonical(statement)).digest()
    if not hmac.compare_digest(decode(values.get("challenge")), digest):
        raise BadAssertion("it is not a signature on this statement")
    origin = values.get("origin")
    if not isinstance(origin, str) or not _is_of(origin, rp_id):
        raise BadAssertion(f"it was asked for on another site than {rp_id}")
    return origin


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _is_of(origin: str, rp_id: str) -> bool:
    scheme, _, address = origin.partition("://")
    host = address.rpartition(":")[0] if address.rpartition(":")[2].isdigit() else address
    is_safe = scheme == "https" or (scheme == "http" and host == "localhost")
    return is_safe and not set(host) & set("/?#@") and f".{host}".endswith(f".{rp_id}")


# --- public keys (COSE, RFC 9053) ------------------------------------------------------------------------------------


def verify_cose(key: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether a COSE key (ES256, EdDSA or RS256) made a signature. Raises BadAssertion for any other key."""
    values = read_map(key)
    kind, algorithm = values.get(1), values.get(3)
    if (kind, algorithm, values.get(-1)) == (2, ES256, 1):
        return _verify_p256(_number(values.get(-2), 32), _number(values.get(-3), 32), signature, message)
    if (kind, algorithm, values.get(-1)) == (1, EDDSA, 6):
        point = values.get(-2)
        return isinstance(point, bytes) and ed25519_verify(point, signature, message)
    if (kind, algorithm) == (3, RS256):
        return _verify_rsa(_number(values.get(-1), None), _number(values.get(-2), None), signature, message)
    raise BadAssertion("the key is none of ES256, EdDSA and RS256")


def read_map(data: bytes) -> dict[int, Any]:
    """Return a CBOR map of integers to integers and byte strings. Raises BadAssertion for anything else."""
    head, count, place = _head(data, 0)
    if head != 5:  # noqa: PLR2004 - CBOR's type of maps
        raise BadAssertion("the key cannot be read")
    values: dict[int, Any] = {}
    for _ in range(count):
        name, place = _item(data, place)
        value, place = _item(data, place)
        if not isinstance(name, int) or name in values:
            raise BadAssertion("the key cannot be read")
        values[name] = value
    if place != len(data):
        raise BadAssertion("bytes follow the key")
    return values


def _item(data: bytes, place: int) -> tuple[Any, int]:
    head, number, place = _head(data, place)
    if head == 0:
        return number, place
    if head == 1:
        return -1 - number, place
    if head == 2 and place + number <= len(data):  # noqa: PLR2004 - CBOR's type of byte strings
        return data[place : place + number], place + number
    raise BadAssertion("the key cannot be read")


def _head(data: bytes, place: int) -> tuple[int, int, int]:
    """Return type, number and the place after them, of a CBOR item whose number has at most two bytes."""
    if place >= len(data):
        raise BadAssertion("the key cannot be read")
    head, number = data[place] >> 5, data[place] & 31
    size = {24: 1, 25: 2}.get(number, 0)
    if (number > 23 and not size) or place + size >= len(data) + (size == 0):  # noqa: PLR2004 - as CBOR says
        raise BadAssertion("the key cannot be read")
    return head, int.from_bytes(data[place + 1 : place + 1 + size], "big") if size else number, place + 1 + size


def _number(value: Any, size: int | None) -> int:
    if not isinstance(value, bytes) or (size is not None and len(value) != size):
        raise BadAssertion("a number of the key has another size")
    return int.from_bytes(value, "big")


def _verify_rsa(modulus: int, exponent: int, signature: bytes, message: bytes) -> bool:
    size = (modulus.bit_length() + 7) // 8
    if modulus.bit_length() < _FEWEST_RSA_BITS or exponent < 3 or len(signature) != size:  # noqa: PLR2004 - the least
        return False
    tail = b"\x00" + _SHA256_PREFIX + hashlib.sha256(message).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(tail) - 2) + tail
    return hmac.compare_digest(pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big"), expected)


# --- ECDSA over P-256 (FIPS 186-5), in Jacobian coordinates ----------------------------------------------------------

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_GX = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
_GY = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5
_Point = tuple[int, int, int]
_NOWHERE: _Point = (1, 1, 0)


def _double(point: _Point) -> _Point:
    x, y, z = point
    if not z or not y:
        return _NOWHERE
    delta, gamma = z * z % _P, y * y % _P
    beta, alpha = x * gamma % _P, 3 * (x - delta) * (x + delta) % _P
    new_x = (alpha * alpha - 8 * beta) % _P
    return new_x, (alpha * (4 * beta - new_x) - 8 * gamma * gamma) % _P, 2 * y * z % _P


def _add(left: _Point, right: _Point) -> _Point:
    if not left[2]:
        return right
    if not right[2]:
        return left
    z1, z2 = left[2] * left[2] % _P, right[2] * right[2] % _P
    u1, u2 = left[0] * z2 % _P, right[0] * z1 % _P
    s1, s2 = left[1] * z2 * right[2] % _P, right[1] * z1 * left[2] % _P
    h, r = (u2 - u1) % _P, (s2 - s1) % _P
    if not h:
        return _NOWHERE if r else _double(left)
    h2 = h * h % _P
    h3, v = h * h2 % _P, u1 * h2 % _P
    x = (r * r - h3 - 2 * v) % _P
    return x, (r * (v - x) - s1 * h3) % _P, h * left[2] * right[2] % _P


def _times(factor: int, point: _Point) -> _Point:
    total = _NOWHERE
    for bit in f"{factor:b}":
        total = _double(total)
        if bit == "1":
            total = _add(total, point)
    return total


def _verify_p256(x: int, y: int, signature: bytes, message: bytes) -> bool:
    r, s = _der(signature)
    if not (0 < r < _N and 0 < s < _N) or x >= _P or y >= _P or (y * y - x * x * x + 3 * x - _B) % _P:
        return False
    inverse = pow(s, -1, _N)
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    point = _add(_times(digest * inverse % _N, (_GX, _GY, 1)), _times(r * inverse % _N, (x, y, 1)))
    if not point[2]:
        return False
    return point[0] * pow(point[2] * point[2], -1, _P) % _P % _N == r


def _der(signature: bytes) -> tuple[int, int]:
    """Return the two numbers of an ECDSA signature in DER; (0, 0) for any other bytes."""
    if len(signature) < 8 or signature[0] != 0x30 or signature[1] != len(signature) - 2:  # noqa: PLR2004 - DER
        return 0, 0
    numbers, place = [], 2
    for _ in range(2):
        size = signature[place + 1] if place + 1 < len(signature) else 0
        body = signature[place + 2 : place + 2 + size]
        is_shortest = len(body) == size > 0 and body[0] < 0x80 and (size == 1 or body[0] or body[1] >= 0x80)  # noqa: PLR2004 - DER
        if place >= len(signature) or signature[place] != 2 or not is_shortest:  # noqa: PLR2004 - DER
            return 0, 0
        numbers.append(int.from_bytes(body, "big"))
        place += 2 + size
    return (numbers[0], numbers[1]) if place == len(signature) else (0, 0)
