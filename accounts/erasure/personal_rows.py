"""Rows with data of a person that are no evidence: their interface, and those of this app."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet

from accounts.models import (
    ApiToken,
    AuthenticatorApp,
    BrowserSession,
    IdentityProof,
    Invitation,
    ProvisionedAccount,
    RecoveryCode,
    SignInLink,
    User,
)
from audit.identities.names import pseudonym_of
from audit.models import ExportJob
from audit.verifier.audit_verify import ERASED
from core.actors import ActorKind


@dataclass(frozen=True, slots=True)
class PersonalRows:
    """Rows to erase, with a label for people. ``blank`` has the values that take the place of the person's; without
    it, the rows are deleted.
    """

    label: str
    rows: QuerySet[Any]
    blank: Mapping[str, object] = field(default_factory=dict)

    def erase(self) -> int:
        """Blank or delete the rows; return their number."""
        if self.blank:
            return self.rows.update(**self.blank)
        count = self.rows.count()
        self.rows.delete()
        return count


def actor_ref_of(person: User) -> str:
    """Return the reference of a person as the actor of events."""
    return f"{ActorKind.USER}:{person.pk}"


def erased_username(person: User) -> str:
    """Return the user name of a person after the erasure."""
    return f"erased-{pseudonym_of(actor_ref_of(person)).removeprefix(ERASED)}"


class PersonalData(Protocol):
    """The interface of an entry of PERSONAL_DATA."""

    def __call__(self, person: User) -> Iterable[PersonalRows]:
        """Return the rows of an app with data of a person, in the order in which they can be erased."""


def rows_of_account(person: User) -> Iterator[PersonalRows]:
    """Yield the rows of this app. Public keys of passkeys stay: signed decisions are verified with them."""
    named = Q(account=person) | Q(email__iexact=person.email) if person.email else Q(account=person)
    yield PersonalRows("sessions of browsers, with addresses", BrowserSession.objects.filter(user=person))
    yield PersonalRows("labels of API tokens", ApiToken.objects.filter(user=person).exclude(label=""), {"label": ""})
    yield PersonalRows("sign-in links", SignInLink.objects.filter(user=person))
    yield PersonalRows("confirmations at an identity provider", IdentityProof.objects.filter(user=person))
    yield PersonalRows("links to identity providers", SocialAccount.objects.filter(user=person))
    yield PersonalRows("ids at the provider that made the account", ProvisionedAccount.objects.filter(account=person))
    yield PersonalRows("e-mail addresses", EmailAddress.objects.filter(user=person))
    yield PersonalRows("invitations", Invitation.objects.filter(named))
    yield PersonalRows("recovery codes", RecoveryCode.objects.filter(app__user=person))
    yield PersonalRows("authenticator apps", AuthenticatorApp.objects.filter(user=person))
    exports = ExportJob.objects.filter(requester_ref=actor_ref_of(person)).exclude(requested_by=erased_username(person))
    yield PersonalRows("the user name in requests for exports", exports, {"requested_by": erased_username(person)})
    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(person.pk))
    yield PersonalRows(
        "names in the log of the admin pages", about.exclude(object_repr=""), {"object_repr": "", "change_message": ""}
    )
