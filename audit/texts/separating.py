"""Separates the texts of people from the facts of an event, which gets commitments in their place."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from audit.actions import Action
from audit.identities.commitments import commitment_to
from audit.texts.fact_kinds import DESCRIPTION_TAGS, FACTS, is_text
from audit.texts.owners import TextOf
from audit.texts.rows import Row, place_text
from audit.verifier.audit_verify import NAMED_OBJECT, Place, canonical, text_commitment
from core.actors import Actor, ActorKind
from core.canonical import MAX_BYTES, digest_of, plain
from core.refs import user_ref

_SALT_BYTES = 32
_REASON = ("reason",)
_TAGS = "tags"
_USER = user_ref("")


@dataclass(frozen=True, slots=True)
class SeparatedText:
    """A text of an event: its place, the reference of the person whose it is, the salt (hex), and the text."""

    place: Place
    subject: str
    salt: str
    value: Any

    def row(self, event_id: UUID) -> Row:
        """Return the row of a text, for `add_texts`."""
        return event_id.hex, place_text(self.place), self.subject, self.salt, canonical(self.value).decode()


@dataclass(slots=True)
class Separation:
    """Takes the texts out of the facts of one event. ``obj`` is its object as the log has it.

    ``hashes`` has the commitments, at the places of the texts.
    """

    actor: Actor
    action: Action
    obj: str
    texts: list[SeparatedText] = field(default_factory=list)
    hashes: dict[str, Any] = field(default_factory=dict)

    def facts(self, place: str, facts: Mapping[str, object]) -> Mapping[str, object]:
        """Return the facts before or after the action without their texts."""
        kinds = FACTS[self.action]
        if kinds.plain.issuperset(facts) and _TAGS not in facts:
            return facts
        rest: dict[str, object] = {}
        for key, value in facts.items():
            owned = value if isinstance(value, TextOf) else None
            fact = value if owned is None else owned.value
            if key == _TAGS and isinstance(fact, Mapping) and not kinds.has_any_key:
                rest[key] = self._tags((place, key), fact)
            elif _may_be_text(fact) and is_text(self.action, key):
                self._take((place, key), fact, owned)
            else:
                rest[key] = fact
        return rest

    def reason(self, reason: str | TextOf) -> str:
        """Separate the reason, and return what stays of it: ""."""
        owned = reason if isinstance(reason, TextOf) else None
        text = reason if isinstance(reason, str) else str(reason.value)
        if text:
            self._take(_REASON, text, owned)
        return ""

    def _tags(self, place: Place, tags: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Return tags without those that describe."""
        described = [key for key in DESCRIPTION_TAGS if tags.get(key)]
        for key in described:
            self._take((*place, key), tags[key], None)
        return {key: value for key, value in tags.items() if key not in described} if described else tags

    def _take(self, place: Place, value: object, owned: TextOf | None) -> None:
        fact = plain(value)
        if len(canonical(fact)) > MAX_BYTES:
            fact = {"sha256": digest_of(value), "shortened": True}
        salt, node = secrets.token_bytes(_SALT_BYTES), self.hashes
        for key in place[:-1]:
            node = node.setdefault(key, {})
        node[place[-1]] = text_commitment(salt, fact)
        self.texts.append(SeparatedText(place, self._subject(owned), salt.hex(), fact))

    def _subject(self, owned: TextOf | None) -> str:
        """Return whose text it is: a reference, or a commitment to a name."""
        person = owned.person if owned and owned.person else self.actor.on_behalf_of
        if person and person != self.actor.name:
            return f"{NAMED_OBJECT}{commitment_to('', person)}"
        if self.actor.kind is ActorKind.ANONYMOUS and self.obj.startswith(_USER):
            return self.obj  # who tried to sign in, by the name that was typed
        return self.actor.ref[:100]


def _may_be_text(fact: object) -> bool:
    """Return False for numbers, flags, times and empty values, which are no text whatever their key."""
    return isinstance(fact, Collection) and len(fact) > 0
