"""Reads the identity providers of single sign-on from the environment: CUSTODY_OIDC_<ID>_… for each id."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from accounts.oidc.configuration import IdentityProvider, SignUp
from config import env
from config.env import BadSetting

_ID = re.compile(r"[a-z][a-z0-9-]{0,29}")
# The hosts to which a provider may be reached without TLS: this machine, for trying things out.
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def identity_providers(ids: Sequence[str]) -> tuple[IdentityProvider, ...]:
    """Return the providers with these ids. Raises BadSetting for a setting that is missing or cannot be used."""
    if repeated := [each for each, times in Counter(ids).items() if times > 1]:
        raise BadSetting(f"CUSTODY_OIDC names {repeated[0]} more than once")
    providers = tuple(_provider(each) for each in ids)
    groups = Counter(group for provider in providers for group in set(provider.groups.values()))
    if shared := [group for group, times in groups.items() if times > 1]:
        raise BadSetting(f"Only one identity provider can set the members of the group {shared[0]}")
    return providers


def scim_groups(raw: str, providers: Sequence[IdentityProvider]) -> dict[str, str]:
    """Return the groups that an identity provider fills over SCIM, by its names. Raises BadSetting.

    A group has one name there, and no claim at a sign-in sets its members.
    """
    name = "CUSTODY_SCIM_GROUPS"
    groups = _group_map(name, raw)
    claimed = {group for provider in providers for group in provider.groups.values()}
    for group, times in Counter(groups.values()).items():
        if times > 1:
            raise BadSetting(f"{name} names the group {group} more than once")
        if group in claimed:
            raise BadSetting(f"Only one identity provider can set the members of the group {group}")
    return groups


def _provider(provider_id: str) -> IdentityProvider:
    if not _ID.fullmatch(provider_id):
        raise BadSetting(f"CUSTODY_OIDC: an id has lower-case letters, digits and dashes, not {provider_id!r}")
    prefix = f"CUSTODY_OIDC_{provider_id.upper().replace('-', '_')}_"
    scopes = env.names(f"{prefix}SCOPES", "openid,profile,email")
    return IdentityProvider(
        id=provider_id,
        name=env.text(f"{prefix}NAME") or provider_id.capitalize(),
        url=_address(f"{prefix}URL"),
        former_urls=tuple(env.names(f"{prefix}FORMER_URLS")),
        client_id=_required(f"{prefix}CLIENT_ID"),
        client_secret=env.text(f"{prefix}CLIENT_SECRET"),
        scopes=tuple(dict.fromkeys(["openid", *scopes])),
        groups_claim=env.text(f"{prefix}GROUPS_CLAIM") or "groups",
        groups=_group_map(f"{prefix}GROUPS", env.text(f"{prefix}GROUPS")),
        sign_up=SignUp(env.choice(f"{prefix}SIGN_UP", [each.value for each in SignUp], SignUp.INVITED.value)),
    )


def _required(name: str) -> str:
    if value := env.text(name):
        return value
    raise BadSetting(f"{name} is missing")


def trusted_issuers(urls: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses of the issuers that rules may name, without a slash at the end. Raises BadSetting."""
    return tuple(dict.fromkeys(_checked_address("CUSTODY_TRUSTED_ISSUERS", url).rstrip("/") for url in urls))


def _address(name: str) -> str:
    return _checked_address(name, _required(name))


def _checked_address(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadSetting(f"{name} cannot be read: {error}") from error
    is_local = parts.scheme == "http" and parts.hostname in _THIS_MACHINE
    if not parts.hostname or not (parts.scheme == "https" or is_local) or parts.query or parts.fragment:
        raise BadSetting(f"{name} must be the https:// address of the provider or of its configuration, not {url!r}")
    return url


def _group_map(name: str, raw: str) -> dict[str, str]:
    """Return a JSON object of texts: names of groups may have commas and equals signs. Raises BadSetting."""
    try:
        groups = json.loads(raw) if raw else {}
    except ValueError as error:
        raise BadSetting(f"{name} must be a JSON object: {error}") from error
    if not isinstance(groups, dict) or not all(isinstance(group, str) and group for group in groups.values()):
        raise BadSetting(f'{name} must be a JSON object such as {{"ml-reviewers": "reviewers"}}, not {raw!r}')
    return groups
