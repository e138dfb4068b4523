"""Accounts of people who sign in at an identity provider: found by provider and subject, made once, groups updated.

An account is never found by an e-mail address or a username, because both change hands.
"""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from accounts.administration import require_administrator
from accounts.browser_sessions import end_sessions
from accounts.changes import Change, note_change
from accounts.local_passwords import has_local_password
from accounts.models import ProvisionedAccount, User
from accounts.oidc.configuration import IdentityProvider, SignUp, configured_providers
from accounts.oidc.invitations import find_invitation, is_email, redeem_invitation
from accounts.oidc.tokens import Identity, RejectedSignIn
from accounts.reauthentication import require_person
from accounts.services import create_user
from audit.actions import Action
from audit.services import record
from audit.texts.owners import TextOf
from core.actors import Actor, system_actor
from core.errors import AlreadyExists, InvalidInput, InvalidState, NotFound
from core.refs import user_ref

_LONGEST_NAME = 150


def account_of(identity: Identity, *, request_id: str) -> User:
    """Return the active account of an identity, made now if this is the first sign-in and the provider may do that.

    Raises RejectedSignIn.
    """
    actor = system_actor(f"sign-in:{identity.provider.id}", request_id=request_id)
    try:
        return _account_of(identity, actor)
    except (IntegrityError, RejectedSignIn):
        # The same person may have signed in twice at the same moment. The other sign-in made the account, or took the
        # username. Any other rejection is the same again.
        return _account_of(identity, actor)


def linked_account(identity: Identity) -> User | None:
    """Return the account that is linked to an identity, None for none.

    Raises RejectedSignIn where it was linked while the id of the provider was that of another issuer, whose subjects
    are other people. Links from before issuers were kept have none.
    """
    provider = identity.provider
    row = SocialAccount.objects.select_related("user").filter(provider=provider.id, uid=identity.subject).first()
    if row is None:
        return None
    issuer = str((row.extra_data or {}).get("issuer") or provider.issuer)
    if issuer not in provider.known_issuers:
        message = f"{provider.name} has another address than when your account was linked to it. Ask an administrator."
        raise RejectedSignIn(message, reason=f"the identity was linked at {issuer}", username=row.user.username)
    user: User = row.user
    return user


def providers_of(user_id: int | None) -> list[IdentityProvider]:
    """Return the configured identity providers that an account is linked to."""
    linked = set(SocialAccount.objects.filter(user_id=user_id or 0).values_list("provider", flat=True))
    return [provider for provider in configured_providers() if provider.id in linked]


@transaction.atomic
def link_identity(identity: Identity, *, actor: Actor) -> None:
    """Link the actor's own account to an identity, which they proved by signing in at the provider.

    Raises RejectedSignIn for an identity of another account, and where the account has another one at the provider.
    """
    user = require_person(actor, Action.ACCOUNT_IDENTITY_LINKED, "link an account")
    other = linked_account(identity)
    if other is not None and other.pk == user.pk:
        return
    if other is not None or SocialAccount.objects.filter(user=user, provider=identity.provider.id).exists():
        name = identity.provider.name
        message = (
            f"Your account could not be linked: it has another identity at {name}, or this one has an account here."
        )
        raise RejectedSignIn(message, reason="the identity or the account is linked already", username=user.username)
    _link(user, identity, actor)


@transaction.atomic
def unlink_identity(*, actor: Actor, username: str, provider: str) -> None:
    """Unlink an account from an identity provider: the actor's own, or as a superuser that of somebody else.

    Raises Denied, NotFound, InvalidState where the person could not sign in any more.
    """
    require_person(actor, Action.ACCOUNT_IDENTITY_UNLINKED, "unlink an account")
    if username != actor.name:
        require_administrator(actor, Action.ACCOUNT_IDENTITY_UNLINKED, username)
    user = User.objects.select_for_update(of=("self",)).filter(username=username).first()
    identity = SocialAccount.objects.filter(user=user, provider=provider).first() if user else None
    if user is None or identity is None:
        raise NotFound(f"{username[:150]} is not linked to {provider[:50]}.")
    others = [each for each in providers_of(user.pk) if each.id != provider]
    if not others and not has_local_password(user):
        raise InvalidState(f"{user.username} could not sign in any more: there is no other provider and no password.")
    subject = identity.uid
    identity.delete()
    if username != actor.name:
        end_sessions(actor=actor, user=user, reason=f"the account was unlinked from {provider}")
    before = {"provider": provider, "subject": TextOf(user.username, subject)}
    record(actor=actor, action=Action.ACCOUNT_IDENTITY_UNLINKED, obj=user_ref(user.username), before=before)


def _link(user: User, identity: Identity, actor: Actor) -> None:
    provider = identity.provider
    facts = {"issuer": provider.issuer}
    SocialAccount.objects.create(user=user, provider=provider.id, uid=identity.subject, extra_data=facts)
    after = {"provider": provider.id, "subject": TextOf(user.username, identity.subject), **facts}
    record(actor=actor, action=Action.ACCOUNT_IDENTITY_LINKED, obj=user_ref(user.username), after=after)


@transaction.atomic
def _account_of(identity: Identity, actor: Actor) -> User:
    user = linked_account(identity) or _provisioned_account(identity, actor)
    if user is None:
        user = _create_account(identity, actor)
    if not user.is_active or user.is_service:
        message = "This account is disabled. Ask an administrator."
        raise RejectedSignIn(message, reason="the account is not active", username=user.username)
    _set_groups(User.objects.select_for_update(of=("self",)).get(pk=user.pk), identity, actor)
    return user


def _provisioned_account(identity: Identity, actor: Actor) -> User | None:
    """Return the account that this provider made over SCIM for this person, linked now; None where there is none.

    The provider says who it is by its own id of the person, in a claim of its signed token.
    """
    if identity.provider.id != settings.SCIM_PROVIDER:
        return None
    external_id = identity.claims.get(settings.SCIM_SUBJECT_CLAIM)
    if not isinstance(external_id, str) or not external_id or "\x00" in external_id:
        return None
    rows = ProvisionedAccount.objects.filter(external_id=external_id, deleted_at__isnull=True)
    row = rows.select_related("account").first()
    if row is None or SocialAccount.objects.filter(user=row.account, provider=identity.provider.id).exists():
        return None
    _link(row.account, identity, actor)
    return row.account


def _create_account(identity: Identity, actor: Actor) -> User:
    provider = identity.provider
    invitation = find_invitation(provider.id, identity.verified_email)
    if invitation is None and provider.sign_up is SignUp.INVITED:
        message = "You have no account here, and need an invitation to get one. Ask an administrator."
        raise RejectedSignIn(message, reason="not invited", username=_username(identity))
    username = (invitation.username if invitation is not None else "") or _username(identity)
    try:
        user = create_user(actor=actor, username=username)
    except (AlreadyExists, InvalidInput) as error:
        message = f"No account could be made for you: {error.message} Ask an administrator to invite you with another username."
        raise RejectedSignIn(message, reason=error.message, username=username) from error
    _set_profile(user, identity.claims, identity.verified_email)
    _link(user, identity, actor)
    if invitation is not None:
        redeem_invitation(invitation, user)
    return user


def _username(identity: Identity) -> str:
    """Return the username that the provider sends, or a verified e-mail address; an empty text without either."""
    name = identity.claims.get("preferred_username")
    return name.strip() if isinstance(name, str) and name.strip() else identity.verified_email


def _set_profile(user: User, claims: dict[str, Any], email: str) -> None:
    """Set the person's name, which electronic signatures print, and the e-mail address for notifications."""
    first, last = (str(claims.get(name) or "").strip() for name in ("given_name", "family_name"))
    if not (first or last):
        first, _, last = str(claims.get("name") or "").strip().rpartition(" ")
    user.first_name, user.last_name = (_printable(part)[:_LONGEST_NAME] for part in (first, last))
    user.email = email if is_email(email) else ""
    user.save(update_fields=["first_name", "last_name", "email"])


def _printable(text: str) -> str:
    """Return a text without what no database takes (NUL, halves of characters), and without controls."""
    return "".join(letter for letter in text if letter.isprintable())


def _set_groups(user: User, identity: Identity, actor: Actor) -> None:
    """Make the person a member of those of the provider's groups that the claim names. Other groups are left alone."""
    mapping, names = identity.provider.groups, identity.groups
    if names is None or not mapping:
        return
    claimed = {mapping[name] for name in names if name in mapping}
    before = set(user.groups.values_list("name", flat=True))
    to_add = list(Group.objects.filter(name__in=claimed - before))
    to_remove = list(Group.objects.filter(name__in=before & set(mapping.values()) - claimed))
    if not to_add and not to_remove:
        return
    user.groups.remove(*to_remove)
    user.groups.add(*to_add)
    note_change(actor=actor, account=user, kind=Change.GROUP_ADDED, details=sorted(each.name for each in to_add))
    record(
        actor=actor,
        action=Action.ACCOUNT_USER_CHANGED,
        obj=user_ref(user.username),
        before={"groups": sorted(before)},
        after={"groups": sorted(user.groups.values_list("name", flat=True)), "provider": identity.provider.id},
    )
