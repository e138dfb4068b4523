"""Checks the code of a sign-in, and says who has a second factor and who needs one."""

from __future__ import annotations

from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.local_passwords import has_local_password
from accounts.models import AuthenticatorApp, Passkey, RecoveryCode, User
from accounts.second_factor.codes import recovery_digest, step_of_code
from core.crypto.sealing import Unreadable, unseal_for

SEALING_PURPOSE = b"custody authenticator apps\x00"
NEEDS_FACTOR = "You need a second factor for this: add an authenticator app on the page Second factor, or a passkey."


class SecondFactorRule(StrEnum):
    """The people who need a second factor (CUSTODY_SECOND_FACTOR)."""

    OFF = "off"
    REVIEWERS = "reviewers"
    ALL = "all"


def app_of(user_id: int | None) -> AuthenticatorApp | None:
    """Return the authenticator app of a person, None for none."""
    return AuthenticatorApp.objects.filter(user_id=user_id or 0, removed_at__isnull=True).first()


def lacks_second_factor(user: User) -> bool:
    """Return whether a person signs in with a local password alone.

    Who has no local password signs in at an identity provider, which is responsible for a second factor.
    """
    if user.is_service or not has_local_password(user) or app_of(user.pk) is not None:
        return False
    return not Passkey.objects.filter(user=user, removed_at__isnull=True).exists()


def needs_second_factor_to_decide(user: User) -> bool:
    """Return whether the setting keeps a person from deciding until they have a second factor."""
    return settings.SECOND_FACTOR != SecondFactorRule.OFF and lacks_second_factor(user)


@transaction.atomic
def accept_code(user: User, code: str) -> str:
    """Return the kind of a code, `code` or `recovery code`, and use it up; "" for a code that is not accepted.

    ``user`` has an authenticator app.
    """
    rows = AuthenticatorApp.objects.select_for_update().filter(user=user, removed_at__isnull=True)
    app = rows.first()
    if app is None:
        return ""
    try:
        step = step_of_code(unseal_for(SEALING_PURPOSE, app.sealed_secret), code)
    except Unreadable:  # SECRET_KEY has changed; recovery codes still work
        step = None
    if step is not None and step > app.last_step:
        app.last_step = step
        app.save(update_fields=["last_step"])
        return "code"
    unused = RecoveryCode.objects.filter(app=app, used_at__isnull=True, digest=recovery_digest(code))
    return "recovery code" if unused.update(used_at=timezone.now()) else ""
