"""Adding and removing an authenticator app, and making new recovery codes.

Between the two steps of an addition nothing is stored: the browser brings back the sealed secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import segno
from django.core import signing
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.administration import require_administrator
from accounts.models import AuthenticatorApp, RecoveryCode, User
from accounts.reauthentication import reauthenticate, require_person
from accounts.second_factor.codes import new_recovery_codes, new_secret, provisioning_uri, recovery_digest, step_of_code
from accounts.second_factor.verification import SEALING_PURPOSE, app_of
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.crypto.sealing import Unreadable, seal_for, unseal_for
from core.errors import Conflict, InvalidInput, NotFound
from core.refs import user_ref

ENROLMENT_SECONDS = 600
_SALT = "custody.second-factor.enrolment"
_LONGEST_TOKEN = 2000


@dataclass(frozen=True, slots=True)
class AppEnrolment:
    """An addition that has begun: the secret and its address for the app, and the token that comes back."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    token: str = field(repr=False)

    @property
    def qr_code(self) -> str:
        """Return the address of the app as a QR code (ISO/IEC 18004): a `data:` URL of an SVG picture."""
        picture: str = segno.make(self.uri, error="m").svg_data_uri(scale=4, dark="#000", light="#fff")
        return picture


def begin_app(*, actor: Actor, password: str) -> AppEnrolment:
    """Check the password of a signed-in person and return a secret for their authenticator app.

    Raises Denied unless the actor is a signed-in person and for a wrong password, Conflict where they have an app.
    """
    user = require_person(actor, Action.ACCOUNT_SECOND_FACTOR_ADDED, "add a second factor")
    reauthenticate(actor=actor, password=password)
    _refuse_second_app(user)
    secret = new_secret()
    token = signing.dumps({"user": user.pk, "secret": seal_for(SEALING_PURPOSE, secret)}, salt=_SALT)
    return AppEnrolment(secret, provisioning_uri(secret, user.username), token)


def resume_app(*, actor: Actor, token: str) -> AppEnrolment:
    """Return an addition that has begun again, after a wrong code. Raises Denied, InvalidInput (too old)."""
    user = require_person(actor, Action.ACCOUNT_SECOND_FACTOR_ADDED, "add a second factor")
    secret = _begun_secret(token, user)
    return AppEnrolment(secret, provisioning_uri(secret, user.username), token)


@transaction.atomic
def finish_app(*, actor: Actor, token: str, code: str) -> list[str]:
    """Add the authenticator app that shows this code, and return the recovery codes, which are not stored.

    Raises Denied unless the actor is a signed-in person, InvalidInput (the code, a token that is too old), Conflict.
    """
    user = require_person(actor, Action.ACCOUNT_SECOND_FACTOR_ADDED, "add a second factor")
    secret = _begun_secret(token, user)
    step = step_of_code(secret, code)
    if step is None:
        raise InvalidInput("This is not the code that the app shows now. Wait for the next one, and check the clock.")
    _refuse_second_app(user)
    app = AuthenticatorApp(user=user, sealed_secret=seal_for(SEALING_PURPOSE, secret), last_step=step)
    try:
        with transaction.atomic():
            app.save()
    except IntegrityError as error:
        raise Conflict("You have added an authenticator app in another window.") from error
    codes = _store_codes(app)
    record(
        actor=actor,
        action=Action.ACCOUNT_SECOND_FACTOR_ADDED,
        obj=user_ref(user.username),
        after={"authenticator_app": app.pk, "recovery_codes": len(codes)},
    )
    return codes


def renew_recovery_codes(*, actor: Actor, password: str) -> list[str]:
    """Return new recovery codes, in place of the old ones. Raises Denied, NotFound without an authenticator app."""
    user = require_person(actor, Action.ACCOUNT_RECOVERY_CODES_RENEWED, "renew recovery codes")
    reauthenticate(actor=actor, password=password)
    with transaction.atomic():
        app = _locked_app(user)
        RecoveryCode.objects.filter(app=app, used_at__isnull=True).update(used_at=timezone.now())
        codes = _store_codes(app)
        obj, after = user_ref(user.username), {"recovery_codes": len(codes)}
        record(actor=actor, action=Action.ACCOUNT_RECOVERY_CODES_RENEWED, obj=obj, after=after)
        return codes


def remove_app(*, actor: Actor, username: str, password: str = "") -> None:
    """Remove an authenticator app: one's own with the password, or as a superuser that of somebody else.

    Raises Denied, NotFound.
    """
    person = require_person(actor, Action.ACCOUNT_SECOND_FACTOR_REMOVED, "remove a second factor")
    if username == actor.name:
        reauthenticate(actor=actor, password=password)
    else:
        require_administrator(actor, Action.ACCOUNT_SECOND_FACTOR_REMOVED, username)
    with transaction.atomic():
        user = person if username == actor.name else User.objects.filter(username=username).first()
        if user is None:
            raise NotFound(f"There is no account {username[:150]}.")
        app = _locked_app(user)
        app.removed_at, app.sealed_secret = timezone.now(), ""
        app.save(update_fields=["removed_at", "sealed_secret"])
        RecoveryCode.objects.filter(app=app, used_at__isnull=True).update(used_at=timezone.now())
        obj, before = user_ref(user.username), {"authenticator_app": app.pk}
        record(actor=actor, action=Action.ACCOUNT_SECOND_FACTOR_REMOVED, obj=obj, before=before)


def unused_codes(app: AuthenticatorApp) -> int:
    """Return how many recovery codes are left."""
    return app.recovery_codes.filter(used_at__isnull=True).count()


def _locked_app(user: User) -> AuthenticatorApp:
    rows = AuthenticatorApp.objects.select_for_update().filter(user=user, removed_at__isnull=True)
    app = rows.first()
    if app is None:
        raise NotFound(f"{user.username} has no authenticator app.")
    return app


def _refuse_second_app(user: User) -> None:
    if app_of(user.pk) is not None:
        raise Conflict("You have an authenticator app already. Remove it before you add another.")


def _begun_secret(token: str, user: User) -> str:
    """Return the secret of an addition that this person began. Raises InvalidInput."""
    try:
        begun = signing.loads(token[:_LONGEST_TOKEN], salt=_SALT, max_age=ENROLMENT_SECONDS)
        secret = unseal_for(SEALING_PURPOSE, begun["secret"])
    except (signing.BadSignature, Unreadable) as error:
        raise InvalidInput("This took more than ten minutes. Begin again.") from error
    if begun["user"] != user.pk:
        raise InvalidInput("Somebody else began this. Begin again.")
    return secret


def _store_codes(app: AuthenticatorApp) -> list[str]:
    codes = new_recovery_codes()
    RecoveryCode.objects.bulk_create([RecoveryCode(app=app, digest=recovery_digest(code)) for code in codes])
    return codes
