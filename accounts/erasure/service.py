"""Service that erases a person: one transaction and one event, after which the log verifies as before."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from accounts.administration import require_administrator
from accounts.erasure.personal_rows import PersonalData, PersonalRows, actor_ref_of, erased_username
from accounts.models import User
from audit.actions import Action
from audit.identities.erasing import count_names, erase_names
from audit.identities.names import pseudonym_of
from audit.services import record
from audit.texts.erasing import count_texts, erase_texts
from core.actors import Actor
from core.errors import Conflict, InvalidInput, NotFound
from core.refs import user_ref
from core.sweeps import refuse_under_legal_hold

_MAX_REASON = 1000
_NAMES, _ACCOUNT = "names in the audit log", "name and e-mail address of the account"
_TEXTS = "reasons, comments, descriptions and addresses in the audit log"

# What stays, and why: docs/operations.md says the same.
KEPT = (
    (
        "events, without the name of who acted and without what they wrote",
        "the log proves what happened, and its leaves are hashes of them",
    ),
    (
        "reviews and overrides with their comments and printed names, and the digests that a passkey signed",
        "a signed decision is evidence, and names who signed (21 CFR 11.50)",
    ),
    ("public keys of passkeys and their names", "signatures are verified with them"),
    (
        "the user name as author of runs, traces, versions, cards and evidence",
        "separation of duties is checked with it",
    ),
    (
        "requests, comments, findings and cards on their own pages",
        "they are text of the record itself, on which decisions were based",
    ),
    (
        "the user name in policies, in tags, in what others wrote, in signed statements and in older events",
        "they are text of the record itself",
    ),
    ("messages to others, and exports that were made before", "they are deleted after their time: see operations.md"),
    ("a digest of the user name", "so that nobody else gets the name"),
)


@dataclass(frozen=True, slots=True)
class Erasure:
    """The rows that an erasure takes, as (label, number) without zeros, and the names that the person gets."""

    rows: tuple[tuple[str, int], ...]
    pseudonym: str
    username: str


@transaction.atomic
def erasure_of(*, actor: Actor, username: str) -> Erasure:
    """Return the rows that erasing a person would take. Nothing is changed.

    Raises Denied unless the actor is a superuser, NotFound, and Conflict where it would be refused.
    """
    person = _erasable(actor, username)
    counts = [(part.label, part.rows.count()) for part in _parts(person)]
    whose = actor_ref_of(person), _names(person)
    logged = [(_TEXTS, count_texts(*whose)), (_NAMES, count_names(*whose))]
    return _erasure(person, [*logged, (_ACCOUNT, int(not _is_blank(person))), *counts])


@transaction.atomic
def erase_person(*, actor: Actor, username: str, reason: str) -> Erasure:
    """Erase a person who has left, and return the erased rows. It can be repeated; then it takes what came since.

    The event has the pseudonym and the reason, and no name. Raises Denied unless the actor is a superuser; NotFound;
    InvalidInput (no reason, or one with the name); Conflict while the account is active, and under a legal hold.
    """
    person = _erasable(actor, username)
    if not reason.strip() or len(reason) > _MAX_REASON:
        raise InvalidInput("Say why. The reason is kept for good, so it must not name the person.")
    locked = User.objects.select_for_update(of=("self",)).get(pk=person.pk)
    _refuse_active(locked)
    if _is_named(locked, reason):
        raise InvalidInput("The reason names the person, and it is kept for good. Write it without the name.")
    whose = actor_ref_of(locked), _names(locked)
    counts = [(part.label, part.erase()) for part in _parts(locked)]
    logged = [(_TEXTS, erase_texts(*whose)), (_NAMES, erase_names(*whose))]  # the names say whose texts they are
    counts = [*logged, (_ACCOUNT, _blank_account(locked)), *counts]
    erasure = _erasure(locked, counts)
    record(
        actor=actor,
        action=Action.ACCOUNT_PERSON_ERASED,
        obj=user_ref(locked.username),
        after={"pseudonym": erasure.pseudonym, "erased": dict(erasure.rows)},
        reason=reason.strip(),
    )
    return erasure


def find_erasable(username: str) -> User:
    """Return the person of this name who has left. Raises NotFound, and Conflict while the account is active."""
    rows = User.objects.filter(username=username[:150], is_service=False)
    person = None if "\x00" in username else rows.first()
    if person is None:
        raise NotFound(f"There is no person called {username[:150]}.")
    _refuse_active(person)
    return person


def _refuse_active(person: User) -> None:
    if person.is_active:
        raise Conflict(f"The account of {person.username} is active. Hand over what they own and deactivate it first.")


def _erasable(actor: Actor, username: str) -> User:
    require_administrator(actor, Action.ACCOUNT_PERSON_ERASED, username)
    person = find_erasable(username)
    refuse_under_legal_hold("The data of people")
    return person


def _is_named(person: User, text: str) -> bool:
    names = [name for name in (*_names(person), person.get_full_name()) if name]
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) for name in names)


def _parts(person: User) -> list[PersonalRows]:
    sources: list[PersonalData] = [import_string(path) for path in settings.PERSONAL_DATA]
    return [part for source in sources for part in source(person)]


def _blank_account(person: User) -> int:
    """Blank the account, and return whether anything was left to blank. Its id stays: decisions refer to it."""
    if _is_blank(person):
        return 0
    person.username = erased_username(person)
    person.first_name = person.last_name = person.email = ""
    person.set_unusable_password()
    person.last_login = None
    person.save(update_fields=["username", "first_name", "last_name", "email", "password", "last_login"])
    return 1


def _is_blank(person: User) -> bool:
    return person.username == erased_username(person) and not (person.get_full_name() or person.email)


def _erasure(person: User, counts: list[tuple[str, int]]) -> Erasure:
    return Erasure(tuple(row for row in counts if row[1]), pseudonym_of(actor_ref_of(person)), erased_username(person))


def _names(person: User) -> tuple[str, ...]:
    return tuple(name for name in (person.username, person.email) if name not in ("", erased_username(person)))
