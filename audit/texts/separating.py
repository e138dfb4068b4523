"""Separates texts and names of people from the facts of an event, which gets commitments in their place."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from audit.actions import Action
from audit.identities.commitments import commitment_to
from audit.texts.fact_kinds import DESCRIPTION_TAGS, FACTS, is_text
from audit.texts.owners import TextOf
from audit.texts.rows import Row, place_text
from audit.verifier.audit_verify import (
    FACT_NAMES,
    NAMED_KEYS,
    NAMED_OBJECT,
    NAMES_SEPARATOR,
    TEXT_HASHES,
    Place,
    canonical,
    data_commitment,
)
from core.actors import Actor, ActorKind
from core.canonical import MAX_BYTES, digest_of, plain
from core.refs import user_ref

_SALT_BYTES = 32
_REASON = ("reason",)
_TAGS = "tags"
_USER = user_ref("")
# What a user name may hold. Anything else in a fact that names people is treated as a text.
_USERNAME = re.compile(r"[\w.@+-]{1,150}")
_MOST_NAMES = 50  # an event has room for so many commitments
_PEOPLE = (ActorKind.USER.value, ActorKind.SERVICE.value)


@dataclass(frozen=True, slots=True)
class SeparatedText:
    """A text of an event: its place, the reference of the person whose it is, the salt (hex), and the text.

    ``data`` is the text as canonical JSON.
    """

    place: Place
    subject: str
    salt: str
    value: Any
    data: str

    def row(self, event_id: UUID) -> Row:
        """Return the row of a text, for `add_texts`."""
        return event_id.hex, place_text(self.place), self.subject, self.salt, self.data


@dataclass(slots=True)
class Separation:
    """Takes texts and names out of the facts of one event. ``obj`` is its object as the log has it.

    ``hashes`` has the commitments to texts, ``names`` those to names, each at its place.
    """

    actor: Actor
    action: Action
    obj: str
    texts: list[SeparatedText] = field(default_factory=list)
    hashes: dict[str, Any] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)

    def commitments(self) -> dict[str, Any]:
        """Return the parts of the event with commitments; none for an event without texts and names in its facts."""
        parts = {TEXT_HASHES: self.hashes, FACT_NAMES: self.names}
        return {key: part for key, part in parts.items() if part}

    def facts(self, place: str, facts: Mapping[str, object]) -> Mapping[str, object]:
        """Return the facts before or after the action without their texts and the names of people."""
        kinds = FACTS[self.action]
        if kinds.plain.issuperset(facts) and _TAGS not in facts:
            return facts
        if kinds.has_people_as_keys:
            return self._grants(place, facts)
        others: dict[str, object] = {}
        for key, value in facts.items():
            owned = value if isinstance(value, TextOf) else None
            fact = value if owned is None else owned.value
            if key == _TAGS and isinstance(fact, Mapping) and not kinds.has_any_key:
                others[key] = self._tags((place, key), fact)
            elif key in kinds.people:
                if not self._take_names(place, key, fact):
                    others[key] = fact
            elif _may_be_text(fact) and is_text(self.action, key):
                self._take((place, key), fact, owned)
            else:
                others[key] = fact
        return others

    def reason(self, reason: str | TextOf) -> str:
        """Separate the reason, and return what stays of it: ""."""
        owned = reason if isinstance(reason, TextOf) else None
        text = reason if isinstance(reason, str) else str(reason.value)
        if text:
            self._take(_REASON, text, owned)
        return ""

    def _grants(self, place: str, grants: Mapping[str, object]) -> Mapping[str, object]:
        """Return grants without those of users, which are among the names then, by their commitments."""
        others: dict[str, object] = {}
        for key, value in grants.items():
            kind, _, name = key.partition(":")
            if kind in _PEOPLE and _is_username(name):
                keys = self.names.setdefault(NAMED_KEYS, {}).setdefault(place, {})
                keys[f"{kind}:{self._name(name)}"] = value
            else:
                others[key] = value
        return others

    def _take_names(self, place: str, key: str, value: object) -> bool:
        """Separate the names in a fact; return False for an empty one. What is no list of user names is a text."""
        names = value.split(NAMES_SEPARATOR) if isinstance(value, str) else value
        if not value:
            return False
        if isinstance(names, list | tuple) and len(names) <= _MOST_NAMES and all(map(_is_username, names)):
            digests = [self._name(name) for name in names]
            self.names.setdefault(place, {})[key] = NAMES_SEPARATOR.join(digests) if isinstance(value, str) else digests
        else:
            self._take((place, key), value, None)
        return True

    def _name(self, name: str) -> str:
        """Return the commitment to a name: the actor's own, or that of somebody whom the event only names."""
        is_actor = name == self.actor.name and self.actor.kind in (ActorKind.USER, ActorKind.SERVICE)
        return commitment_to(self.actor.ref if is_actor else "", name)

    def _tags(self, place: Place, tags: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Return tags without those that describe."""
        described = [key for key in DESCRIPTION_TAGS if tags.get(key)]
        for key in described:
            self._take((*place, key), tags[key], None)
        return {key: value for key, value in tags.items() if key not in described} if described else tags

    def _take(self, place: Place, value: object, owned: TextOf | None) -> None:
        fact = plain(value)
        data = orjson.dumps(fact, option=orjson.OPT_SORT_KEYS)
        if len(data) > MAX_BYTES:
            fact = {"sha256": digest_of(value), "shortened": True}
            data = canonical(fact)
        salt, node = secrets.token_bytes(_SALT_BYTES), self.hashes
        for key in place[:-1]:
            node = node.setdefault(key, {})
        node[place[-1]] = data_commitment(salt, data)
        self.texts.append(SeparatedText(place, self._subject(owned), salt.hex(), fact, data.decode()))

    def _subject(self, owned: TextOf | None) -> str:
        """Return the owner of a text: a reference, or a commitment to a name."""
        person = owned.person if owned and owned.person else self.actor.on_behalf_of
        if person and person != self.actor.name:
            return f"{NAMED_OBJECT}{commitment_to('', person)}"
        if self.actor.kind is ActorKind.ANONYMOUS and self.obj.startswith(_USER):
            return self.obj  # who tried to sign in, by the name that was typed
        return self.actor.ref[:100]


def _is_username(name: object) -> bool:
    return isinstance(name, str) and _USERNAME.fullmatch(name) is not None


def _may_be_text(fact: object) -> bool:
    """Return False for numbers, flags, times and empty values, which are no text whatever their key."""
    return isinstance(fact, Collection) and len(fact) > 0
