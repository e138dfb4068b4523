"""Formats of events for a SIEM: a JSON line, CEF, and a syslog message (RFC 5424)."""

from __future__ import annotations

import datetime
import socket

import orjson

from audit.identities.names import names_of
from audit.models import Event, Leaf
from audit.sentences import describe, facts
from audit.texts.reading import texts_in
from audit.transparency.entries import entry_bytes
from audit.verifier.audit_verify import commitments_of, text_hashes_of
from core.times import iso_utc

JSON, CEF = "json", "cef"
_FACILITY = 13  # log audit
_INFORMATIONAL, _WARNING = 6, 4
_CEF_DONE, _CEF_REFUSED = 3, 6
_MOST_ID = 32


def as_text(leaf: Leaf, event: Event, kind: str) -> str:
    """Return one line for an event: the entry of the log as JSON, with names and texts of people beside it, or CEF.

    Without `names` and `texts`, the JSON line is the exact entry.
    """
    if kind == CEF:
        return _cef(leaf, event)
    entry = entry_bytes(bytes(event.body), gen=leaf.gen, seq=leaf.seq, stream=leaf.stream).decode("utf-8")
    body = orjson.loads(bytes(event.body))
    digests, hashes = commitments_of(body), text_hashes_of(body)
    texts = texts_in(event)
    beside = {
        "names": names_of(digests) if digests else None,
        "texts": {digest: texts[place] for place, digest in hashes if place in texts},
    }
    for key, value in beside.items():
        if value:
            entry = f'{entry[:-1]},"{key}":{orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode("utf-8")}}}'
    return entry


def syslog_message(event: Event, text: str) -> bytes:
    """Return a syslog message with a line as its text. Refusals are warnings."""
    severity = _WARNING if event.outcome == "denied" else _INFORMATIONAL
    host = socket.gethostname()[:255] or "-"
    head = f"<{_FACILITY * 8 + severity}>1 {_time(event.at)} {host} custody - {event.action[:_MOST_ID]} - "
    return head.encode("ascii", "replace") + text.encode("utf-8")


def _cef(leaf: Leaf, event: Event) -> str:
    event_facts = facts(event)
    actor = event_facts["actor"]
    severity = _CEF_REFUSED if event.outcome == "denied" else _CEF_DONE
    version = event_facts["app_version"]
    head = ["CEF:0", "Custody", "Custody", version, event.action, describe(event), str(severity)]
    pairs = {
        "rt": str(int(event.at.timestamp() * 1000)),
        "externalId": str(event.event_id),
        "suser": actor["name"],
        "suid": event.actor_ref,
        "act": event.action,
        "outcome": "success" if event.outcome == "ok" else "failure",
        "requestContext": event.request_id,
        "cs1Label": "object",
        "cs1": event_facts["object"],
        "cs2Label": "authentication",
        "cs2": str(actor.get("auth", "")),
        "cn1Label": "seq",
        "cn1": str(leaf.seq),
    }
    extension = " ".join(f"{key}={_escaped(value, '=')}" for key, value in pairs.items() if value)
    return "|".join([head[0], *(_escaped(part, "|") for part in head[1:]), extension])


def _escaped(text: str, separator: str) -> str:
    """Return text without what would end a field of CEF or the line."""
    text = text.replace("\\", "\\\\").replace(separator, f"\\{separator}")
    return text.replace("\r", " ").replace("\n", "\\n" if separator == "=" else " ")


def _time(at: datetime.datetime) -> str:
    return iso_utc(at, "microseconds")
