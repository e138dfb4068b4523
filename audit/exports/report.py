"""The printable report of an export: one page of HTML without scripts, for reading and for paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from audit.verifier.audit_verify import EVENTS

# The first events are in the report; events.csv has all of them.
LISTED = 1000
_MAX_REASON = 300
_COLUMNS = ("Number", "Time", "Actor", "Action", "Object", "Outcome", "Reason")
_STYLE = """
body { font: 10pt/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #111; }
h1 { font-size: 16pt; } h2 { font-size: 12pt; margin-top: 1.5rem; }
table { border-collapse: collapse; width: 100%; font-size: 8pt; }
th, td { border: 1px solid #999; padding: 2px 4px; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
thead { display: table-header-group; } tr { break-inside: avoid; } code { overflow-wrap: anywhere; }
.running { border-bottom: 1px solid #999; font-size: 8pt; }
@media print { body { margin: 0; max-width: none; padding: 0; } }
@page {
  size: A4; margin: 22mm 15mm 18mm;
  @top-left { content: "events.jsonl sha256:DIGEST"; font: 7pt monospace; }
  @bottom-left { content: "DATE"; font: 7pt system-ui, sans-serif; }
  @bottom-right { content: "page " counter(page) " of " counter(pages); font: 7pt system-ui, sans-serif; }
}
"""
_NOT_PROVEN = (
    "Without a checkpoint that you kept, that nobody with the server, its database and its key has made a new history.",
    "That what people wrote in reasons and comments is true, or that the server's clock was right.",
    "Who is behind a user name: that is a matter of the organisation's sign-in.",
    "This page itself proves nothing: verify the package it is part of, as README.txt says.",
)


def report_row(entry: Mapping[str, Any]) -> str:
    """Return the row of an entry of the log, with the names of people, in the table of events."""
    event = entry["event"]
    reason = event["reason"] if isinstance(event["reason"], str) else ""
    reason = reason if len(reason) <= _MAX_REASON else f"{reason[:_MAX_REASON]}…"
    actor = event["actor"]["name"]
    cells = (entry["seq"], event["at"], actor, event["action"], event["object"], event["outcome"], reason)
    return f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>"


def report_page(manifest: Mapping[str, Any], rows: Sequence[str]) -> bytes:
    """Return the report as UTF-8. ``rows`` are those of the first events. All text of people is escaped.

    ``manifest`` is that of the export before the report was listed in it.
    """
    return "\n".join(_page(manifest, rows)).encode()


def _page(manifest: Mapping[str, Any], rows: Sequence[str]) -> Iterator[str]:
    digest, date = manifest["files"][EVENTS]["sha256"], str(manifest["generated_at"])
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Audit export</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    style = _STYLE.replace("DIGEST", escape(digest)).replace("DATE", escape(date))
    yield f"<style>{style}</style></head><body>"
    yield f"<p class='running'>events.jsonl sha256:<code>{escape(digest)}</code>, {escape(date)}</p>"
    yield f"<h1>Export of the audit log {escape(str(manifest['origin']))}</h1>"
    yield from _facts(manifest)
    yield from _claims(manifest["claim"], manifest["filters"])
    yield from _files(manifest["files"])
    yield from _events(manifest["claim"]["events"], rows)
    yield "</body></html>\n"


def _facts(manifest: Mapping[str, Any]) -> Iterator[str]:
    claim = manifest["claim"]
    numbers = f"{claim['first_seq']} to {claim['last_seq']}" if claim["events"] else "none"
    yield from _table(
        (
            ("Requested by", manifest["requested_by"]),
            ("Generated at (UTC)", manifest["generated_at"]),
            ("Software", manifest["software"]),
            ("Events", claim["events"]),
            ("Numbers", numbers),
            ("Size of the signed log", manifest["size"]),
            ("Root of its tree", manifest["root"]),
            ("Who the actors are", manifest["identities"]),
        )
    )


def _claims(claim: Mapping[str, Any], filters: Mapping[str, str]) -> Iterator[str]:
    yield f"<h2>What is proven</h2><p>{escape(claim['says'])} ({escape(claim['completeness'])}).</p>"
    claims_of_filters = [(f"{name} = {filters[name]}", part["says"]) for name, part in claim["filters"].items()]
    if claims_of_filters:
        yield from _table(claims_of_filters)
    yield "<h2>What is not proven</h2><ul>"
    yield from (f"<li>{escape(line)}</li>" for line in _NOT_PROVEN)
    yield "</ul>"


def _files(files: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "<h2>Files</h2>"
    yield from _table((name, f"sha256:{listed['sha256']}, {listed['bytes']} bytes") for name, listed in files.items())


def _events(count: int, rows: Sequence[str]) -> Iterator[str]:
    yield "<h2>Events</h2>"
    if count > len(rows):
        yield f"<p>The first {len(rows)} of {count} events. events.csv has all of them.</p>"
    heads = "".join(f'<th scope="col">{name}</th>' for name in _COLUMNS)
    yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
    yield from rows
    yield "</tbody></table>"


def _table(rows: Any) -> Iterator[str]:
    yield "<table><tbody>"
    for name, value in rows:
        yield f'<tr><th scope="row">{escape(str(name))}</th><td>{escape(str(value))}</td></tr>'
    yield "</tbody></table>"
