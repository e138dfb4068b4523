"""Configuration and signing keys of identity providers, fetched over HTTP and cached in each process.

A provider that does not answer raises Unavailable, and is asked again only after some seconds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from django.core.cache import cache
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from accounts.oidc.configuration import IdentityProvider
from core.errors import Unavailable

TIMEOUT = 5
_KEPT_SECONDS = 3600
_SECONDS_AFTER_FAILURE = 5
# Keys are fetched again for an unknown key id, but not more often than this: anybody can send unknown ids.
_SECONDS_BETWEEN_REFRESHES = 60
_MOST_BYTES = 1_000_000
# Signatures by the provider's private key. Never `none`, and never an HMAC, whose key would be the client's secret.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"},
)

Document = TypeVar("Document")


@dataclass(frozen=True, slots=True)
class Discovery:
    """The configuration that a provider publishes."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    token_auth_methods: tuple[str, ...]
    names_issuer: bool


@dataclass(frozen=True, slots=True)
class IssuerKeys:
    """The issuer as its tokens name it, and the address of its signing keys."""

    issuer: str
    url: str


def discovery_of(provider: IdentityProvider) -> Discovery:
    """Return the configuration of a provider. Raises Unavailable if it does not answer, or not as it must."""
    return _read(provider, _read_discovery)


def issuer_keys(provider: IdentityProvider) -> IssuerKeys:
    """Return the issuer and the address of its keys, which also an issuer has that nobody signs in with.

    Raises Unavailable.
    """
    return _read(provider, _read_keys)


def _read(provider: IdentityProvider, reader: Callable[[IdentityProvider, dict[str, Any]], Document]) -> Document:
    cache_key = _cache_key(provider.discovery_url)
    document = _cached(cache_key, provider, provider.discovery_url)
    try:
        return reader(provider, document)
    except Unavailable:
        cache.delete(cache_key)
        raise


def _read_keys(provider: IdentityProvider, document: dict[str, Any]) -> IssuerKeys:
    keys = IssuerKeys(str(document.get("issuer", "")), str(document.get("jwks_uri", "")))
    if not keys.issuer or not keys.url:
        raise Unavailable(f"The configuration of {provider.name} is incomplete.")
    if keys.issuer.rstrip("/") != provider.issuer:
        raise Unavailable(f"The configuration of {provider.name} names another issuer than the one that is set here.")
    _require_tls(provider, keys.url)
    return keys


def _read_discovery(provider: IdentityProvider, document: dict[str, Any]) -> Discovery:
    keys = _read_keys(provider, document)
    try:
        discovery = Discovery(
            issuer=keys.issuer,
            authorization_endpoint=str(document["authorization_endpoint"]),
            token_endpoint=str(document["token_endpoint"]),
            jwks_uri=keys.url,
            userinfo_endpoint=str(document.get("userinfo_endpoint") or ""),
            token_auth_methods=tuple(document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]),
            names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        )
    except (KeyError, TypeError) as error:
        raise Unavailable(f"The configuration of {provider.name} is incomplete.") from error
    endpoints = (discovery.authorization_endpoint, discovery.token_endpoint)
    _require_tls(provider, *endpoints, discovery.userinfo_endpoint or provider.url)
    return discovery


def signing_key(provider: IdentityProvider, key_id: str, algorithm: str) -> PyJWK | None:
    """Return the provider's key with this id for this algorithm, None if it has none. Raises Unavailable."""
    url = issuer_keys(provider).url
    key = _find_key(_cached(_cache_key(url), provider, url), key_id, algorithm)
    return key or newest_signing_key(provider, key_id, algorithm)


def newest_signing_key(provider: IdentityProvider, key_id: str, algorithm: str) -> PyJWK | None:
    """Return the same from keys that are fetched again, None if they were fetched again less than a minute ago.

    For a token that the cached key does not verify: key ids are optional (OpenID Connect Core 1.0, section 10.1), so
    a provider may change its key and not show it in the header. Raises Unavailable.
    """
    url = issuer_keys(provider).url
    cache_key = _cache_key(url)
    if not cache.add(f"{cache_key}:refreshed", 1, _SECONDS_BETWEEN_REFRESHES):
        return None
    keys = fetch_json(provider, url)
    cache.set(cache_key, keys, _KEPT_SECONDS)
    return _find_key(keys, key_id, algorithm)


def fetch_json(provider: IdentityProvider, url: str, *, bearer: str = "") -> dict[str, Any]:
    """Return the JSON object at an address of a provider. Redirects are not followed. Raises Unavailable."""
    headers = {"Accept": "application/json", **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
    try:
        with requests.get(url, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True) as response:
            response.raise_for_status()
            document = json.loads(_body_of(response))
    except (requests.RequestException, OSError, ValueError) as error:
        raise away(provider) from error
    if response.is_redirect or not isinstance(document, dict):
        raise away(provider)
    return document


def _body_of(response: requests.Response) -> bytes:
    """Return the body of a response. Raises ValueError if it is too long."""
    body = b""
    for part in response.iter_content(65_536):
        body += part
        if len(body) > _MOST_BYTES:
            raise ValueError("the answer is too long")
    return body


def away(provider: IdentityProvider) -> Unavailable:
    """Return the error for a provider that does not answer, or answers what cannot be read."""
    return Unavailable(f"{provider.name} does not answer, so nobody can sign in with it now. Try again in a moment.")


def _cached(key: str, provider: IdentityProvider, url: str) -> dict[str, Any]:
    document = cache.get(key)
    if isinstance(document, dict):
        return document
    if cache.get(f"{key}:failed"):
        raise away(provider)
    try:
        document = fetch_json(provider, url)
    except Unavailable:
        cache.set(f"{key}:failed", 1, _SECONDS_AFTER_FAILURE)
        raise
    cache.set(key, document, _KEPT_SECONDS)
    return document


def _cache_key(url: str) -> str:
    return f"oidc:{hashlib.sha256(url.encode()).hexdigest()}"


def _find_key(document: dict[str, Any], key_id: str, algorithm: str) -> PyJWK | None:
    """Return the key of a key set for the header of a token; without a key id the set must have one key only."""
    listed = document.get("keys")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    rows = [row for row in rows if row.get("use", "sig") == "sig" and row.get("alg", algorithm) == algorithm]
    rows = [row for row in rows if row.get("kid") == key_id] if key_id else rows
    if len(rows) != 1 or algorithm not in ALGORITHMS:
        return None
    try:
        return PyJWK(rows[0], algorithm=algorithm)
    except PyJWTError:
        return None


def _require_tls(provider: IdentityProvider, *urls: str) -> None:
    """Refuse an address without TLS, which only a provider on this machine may have. Raises Unavailable."""
    schemes = {urlsplit(url).scheme for url in urls}
    if not schemes <= ({"https", "http"} if provider.url.startswith("http://") else {"https"}):
        raise Unavailable(f"The configuration of {provider.name} has an address without https.")
