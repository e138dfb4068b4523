"""Preferences: the topics that a person receives by each channel. Only differences from the defaults are stored."""

from __future__ import annotations

from collections.abc import Collection

from accounts.models import User
from notices.models import Channel, ChatAddress, Preference, Topic

# Topics that are sent by e-mail and chat by default. The inbox shows every topic by default.
_SENT_BY_DEFAULT = frozenset(Topic) - {Topic.COMMENT}


def by_default(topic: str, channel: str) -> bool:
    """Return whether a person without a preference receives a topic by a channel."""
    return channel == Channel.INBOX or topic in _SENT_BY_DEFAULT


def preferences_of(people: Collection[int]) -> dict[tuple[int, str, str], bool]:
    """Return the stored preferences of people, by (person, topic, channel); one query."""
    rows = Preference.objects.filter(person__in=people)
    return {(row.person_id, row.topic, row.channel): row.wanted for row in rows}


def wants(preferences: dict[tuple[int, str, str], bool], person_id: int, topic: str, channel: str) -> bool:
    """Return whether a person wants a topic by a channel, given ``preferences_of``."""
    return preferences.get((person_id, topic, channel), by_default(topic, channel))


def table_of(person: User) -> list[tuple[Topic, list[tuple[Channel, bool]]]]:
    """Return, for every topic and channel, whether a person receives the topic by the channel."""
    preferences = preferences_of([person.pk])
    return [
        (topic, [(channel, wants(preferences, person.pk, topic, channel)) for channel in Channel]) for topic in Topic
    ]


def chat_address_of(person: User) -> ChatAddress | None:
    """Return the chat address of a person, None where they have none."""
    return ChatAddress.objects.filter(person=person).first()
