"""Codes of authenticator apps (TOTP, RFC 6238) and recovery codes, without a database."""

from __future__ import annotations

import base64
import secrets
import time

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from accounts.authentication import token_digest
from core.ids import whole_number

# What authenticator apps can do: they know no other values.
DIGITS, STEP_SECONDS = 6, 30
RECOVERY_CODES = 10
# A code of the step before and after is accepted too: clocks differ, and people need time to type.
_STEPS_AROUND = (0, -1, 1)
_ISSUER = "Custody"


def new_secret() -> str:
    """Return a secret for an authenticator app: 160 random bits in base32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def provisioning_uri(secret: str, username: str) -> str:
    """Return the address from which an authenticator app takes the secret."""
    app = TOTP(_key(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - the algorithm that the apps have
    return app.get_provisioning_uri(username, _ISSUER)


def step_of_code(secret: str, code: str) -> int | None:
    """Return the number of the time step that a code belongs to, None for a code that is not valid now."""
    digits = code.replace(" ", "")
    if len(digits) != DIGITS or whole_number(digits) is None:
        return None
    generator = HOTP(_key(secret), DIGITS, SHA1())  # noqa: S303 - as above
    now = int(time.time()) // STEP_SECONDS
    for step in (now + around for around in _STEPS_AROUND):
        try:
            generator.verify(digits.encode(), step)
        except InvalidToken:
            continue
        return step
    return None


def new_recovery_codes() -> list[str]:
    """Return new recovery codes, each of 80 random bits, such as `abcd-efgh-ijkl-mnop`."""
    texts = (base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES))
    return ["-".join(text[start : start + 4] for start in range(0, 16, 4)) for text in texts]


def recovery_digest(code: str) -> str:
    """Return the digest under which a recovery code is stored. 80 random bits need no slow hash."""
    return token_digest(code.strip().lower().replace("-", "").replace(" ", ""))


def _key(secret: str) -> bytes:
    return base64.b32decode(secret)
