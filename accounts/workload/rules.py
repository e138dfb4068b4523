"""Demands of a trusted publisher on an identity token: the audience, and the value of each claim that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from accounts.models import TrustedPublisher
from core.actors import ALL_SCOPES, Scope
from core.errors import InvalidInput

# A rule names at least one of these: they tell one repository, project or workload from all others of its issuer.
IDENTIFYING_CLAIMS = frozenset({"sub", "repository", "repository_id", "project_id", "project_path", "email", "oid"})
# The only claim whose value may be a pattern.
PATTERN_CLAIM = "ref"
# Claims that tell a job for a pull request, which may run what somebody else wrote: a rule has to name the claim.
PULL_REQUEST_EVENTS = {
    "event_name": frozenset({"pull_request", "pull_request_target"}),
    "pipeline_source": frozenset({"merge_request_event", "external_pull_request_event"}),
}
# The scopes that a rule may give: managing accounts is for people, and provisioning them for an identity provider.
_NEVER_GRANTED = {Scope.ACCOUNTS_MANAGE, Scope.ACCOUNTS_PROVISION}
GRANTABLE_SCOPES = tuple(sorted(scope.value for scope in ALL_SCOPES - _NEVER_GRANTED))
DEFAULT_SCOPES = [Scope.REGISTRY_READ.value, Scope.REGISTRY_WRITE.value]
MAX_CLAIMS, MAX_VALUE = 20, 500
_CLAIM_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,100}")


def unmet_demand(publisher: TrustedPublisher, claims: Mapping[str, Any]) -> str:
    """Return the name of the first claim that a rule refuses, "" where it trusts the token."""
    if audience_of(claims) != publisher.audience:
        return "aud"
    for name, value in publisher.claims.items():
        if not _fits(name, value, claim_text(claims.get(name))):
            return str(name)
    for name, events in PULL_REQUEST_EVENTS.items():
        if name not in publisher.claims and claim_text(claims.get(name)) in events:
            return name
    return ""


def audience_of(claims: Mapping[str, Any]) -> str:
    """Return the audience of a token, "" for a token that is meant for several."""
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    return audience if isinstance(audience, str) else ""


def claim_text(value: object) -> str:
    """Return a claim as rules write it; "" for a claim that is absent, a list or an object."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else ""


def checked_claims(claims: Mapping[str, str]) -> dict[str, str]:
    """Return the claims of a new rule without spaces around them.

    Raises InvalidInput for a name or value that cannot be used, and where no claim tells whose jobs are trusted.
    """
    stripped = {name.strip(): value.strip() for name, value in claims.items()}
    if not 0 < len(stripped) <= MAX_CLAIMS:
        raise InvalidInput(f"Name 1 to {MAX_CLAIMS} claims.")
    for name, value in stripped.items():
        if not _CLAIM_NAME.fullmatch(name):
            raise InvalidInput(f"{name[:100]!r} is not the name of a claim.")
        if not 0 < len(value) <= MAX_VALUE or not value.isprintable():
            raise InvalidInput(f"The claim {name} needs a value of 1 to {MAX_VALUE} characters on one line.")
        if "*" in value and (name != PATTERN_CLAIM or value.count("*") > 1):
            raise InvalidInput(f"Only the claim {PATTERN_CLAIM} may have a *, and only one. {name} is {value!r}.")
    if not IDENTIFYING_CLAIMS & stripped.keys():
        names = ", ".join(sorted(IDENTIFYING_CLAIMS))
        raise InvalidInput(f"Name at least one of the claims {names}: otherwise everybody at the issuer is trusted.")
    return stripped


def _fits(name: str, demanded: str, value: str) -> bool:
    prefix, is_pattern, suffix = demanded.partition("*") if name == PATTERN_CLAIM else (demanded, "", "")
    if not is_pattern:
        return value == demanded
    return len(value) >= len(prefix) + len(suffix) and value.startswith(prefix) and value.endswith(suffix)
