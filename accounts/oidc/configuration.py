"""The identity providers that the operator configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from django.conf import settings

from core.errors import NotFound

WELL_KNOWN = "/.well-known/openid-configuration"


class SignUp(StrEnum):
    """The people who get an account: everybody whom the provider signs in, or only people who were invited."""

    FIRST = "first"
    INVITED = "invited"


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An OpenID Connect provider. ``groups`` maps values of the claim ``groups_claim`` to names of groups here.

    ``former_urls`` are addresses that the same provider had before: identities that were linked then stay linked.
    """

    id: str
    name: str
    url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: str = "groups"
    groups: Mapping[str, str] = field(default_factory=dict)
    sign_up: SignUp = SignUp.INVITED
    former_urls: tuple[str, ...] = ()

    @property
    def issuer(self) -> str:
        """Return the issuer that the address names, without a slash at its end."""
        return _issuer_of(self.url)

    @property
    def known_issuers(self) -> frozenset[str]:
        """Return the issuer, and those of the former addresses: their subjects are people of this provider."""
        return frozenset(_issuer_of(url) for url in (self.url, *self.former_urls))

    @property
    def discovery_url(self) -> str:
        """Return the address of the provider's configuration."""
        return self.issuer + WELL_KNOWN


def _issuer_of(url: str) -> str:
    return url.removesuffix(WELL_KNOWN).rstrip("/")


def configured_providers() -> tuple[IdentityProvider, ...]:
    """Return all identity providers, in the order of the setting."""
    return tuple(settings.IDENTITY_PROVIDERS)


def find_provider(provider_id: str) -> IdentityProvider:
    """Return an identity provider by its id. Raises NotFound."""
    for provider in configured_providers():
        if provider.id == provider_id:
            return provider
    raise NotFound(f"There is no identity provider called {provider_id[:50]}.")
